output "user_data_base64" {
  description = "User data for a launch template or an instance: gzip in base64, which cloud-init understands."
  value       = base64gzip(local.bootstrap)

  precondition {
    condition     = var.agent_artifact_source != "file"
    error_message = "agent_artifact_source is file: instances have no files of this machine. Take url or repo."
  }
  precondition {
    condition     = !local.needs_token || local.token_reference != ""
    error_message = "The enrolment method is token: give enrollment_ssm_parameter or enrollment_secretsmanager_secret, or take the method aws."
  }
  # EC2 takes 16 KiB before base64, which makes four characters of three bytes.
  precondition {
    condition     = length(base64gzip(local.bootstrap)) <= 16384 * 4 / 3
    error_message = "The user data is larger than EC2 takes: have fewer own rules, or bring the agent by SSM."
  }
}

output "cloud_init_part" {
  description = "The same as a part of one's own multi-part user data."
  value = {
    content_type = "text/x-shellscript"
    filename     = "hosttrail-agent.sh"
    content      = local.bootstrap
  }
}

output "instance_policy_json" {
  description = "What the instances' role must be allowed besides: reading the enrolment token."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = local.needs_token ? [{
      Sid      = "ReadHosttrailEnrollmentToken"
      Effect   = "Allow"
      Action   = [var.enrollment_secretsmanager_secret != "" ? "secretsmanager:GetSecretValue" : "ssm:GetParameter"]
      Resource = [var.enrollment_secretsmanager_secret != "" ? "arn:*:secretsmanager:*:*:secret:${var.enrollment_secretsmanager_secret}-*" : "arn:*:ssm:*:*:parameter${var.enrollment_ssm_parameter}"]
    }] : []
  })
}

output "metadata_options" {
  description = "metadata_options of a launch template: version 2 of the metadata service alone, for the instance itself and for no container in a network of its own; with the instance's tags, which the agent tells and makes labels of."
  value = {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "enabled"
  }
}

output "ssm_document_name" {
  description = "The SSM document, by which the agent can be removed as well (Action=remove); null where there is none."
  value       = one(aws_ssm_document.agent[*].name)
}

output "association_id" {
  description = "The SSM association; null where there is none."
  value       = one(aws_ssm_association.agent[*].association_id)
}

output "verify_command" {
  description = "Proves, on a host, that its events arrive."
  value       = "hosttrail-agent verify"
}
