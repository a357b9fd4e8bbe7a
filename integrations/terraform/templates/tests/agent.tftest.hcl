# The module agent on a provider that asks nobody.
mock_provider "aws" {}

run "user_data_names_no_secret" {
  command = plan

  module {
    source = "./modules/agent"
  }

  assert {
    condition     = length(output.user_data_base64) > 0 && length(aws_ssm_document.agent) == 0
    error_message = "without targets there must be user data and no association"
  }
  assert {
    condition     = strcontains(output.cloud_init_part.content, "ssm get-parameter") && !strcontains(output.cloud_init_part.content, "hte_")
    error_message = "user data must say where the token is, and not what it is"
  }
  assert {
    condition     = jsondecode(output.instance_policy_json).Statement[0].Action == ["ssm:GetParameter"]
    error_message = "the role must read the parameter and nothing else"
  }
}

run "association_with_limits" {
  command = plan

  module {
    source = "./modules/agent"
  }
  variables {
    ssm_targets = [{ key = "tag:Hosttrail", values = ["yes"] }]
  }

  assert {
    condition     = aws_ssm_association.agent[0].max_errors == var.max_errors && aws_ssm_association.agent[0].max_concurrency == var.max_concurrency
    error_message = "the association must have limits"
  }
  assert {
    condition     = aws_ssm_association.agent[0].wait_for_success_timeout_seconds == 1200
    error_message = "the run must wait for success"
  }
}

run "document_runs_one_of_three_words" {
  command = plan

  module {
    source = "./modules/agent"
  }
  variables {
    ssm_targets = [{ key = "tag:Hosttrail", values = ["yes"] }]
  }

  assert {
    condition     = jsondecode(aws_ssm_document.agent[0].content).schemaVersion == "2.2" && jsondecode(aws_ssm_document.agent[0].content).parameters.Action.allowedValues == ["install", "verify", "remove"]
    error_message = "the document must install, verify or remove, and nothing else"
  }
  assert {
    condition     = length(jsondecode(aws_ssm_document.agent[0].content).parameters) == 1 && jsondecode(aws_ssm_document.agent[0].content).mainSteps[0].inputs.runCommand[0] == "HOSTTRAIL_ACTION={{ Action }}"
    error_message = "no parameter but that word may get into the shell: no token, no address, no version"
  }
  assert {
    condition     = !strcontains(aws_ssm_document.agent[0].content, "hte_") && length(aws_ssm_document.agent[0].content) <= 65536
    error_message = "the document must have no token in it, and fit into what SSM takes"
  }
}

run "user_data_fits_and_gives_tags" {
  command = plan

  module {
    source = "./modules/agent"
  }
  variables {
    agent_own_rules = join("", [for number in range(100) : "-w /srv/${sha512(tostring(number))} -p wa -k own\n"])
  }

  assert {
    condition     = length(output.user_data_base64) <= 16384 * 4 / 3
    error_message = "user data must fit into what EC2 takes"
  }
  assert {
    condition     = output.metadata_options.http_tokens == "required" && output.metadata_options.instance_metadata_tags == "enabled" && output.metadata_options.http_put_response_hop_limit == 1
    error_message = "instances must take IMDSv2 alone, and show their tags"
  }
}

# Sums cannot be packed: so many of them pass what EC2 takes.
run "user_data_beyond_the_bound_is_refused" {
  command = plan

  module {
    source = "./modules/agent"
  }
  variables {
    agent_own_rules = join("", [for number in range(300) : "-w /srv/${sha512(tostring(number))} -p wa -k own\n"])
  }
  expect_failures = [output.user_data_base64]
}

run "a_document_beyond_the_bound_is_refused" {
  command = plan

  module {
    source = "./modules/agent"
  }
  variables {
    ssm_targets     = [{ key = "tag:Hosttrail", values = ["yes"] }]
    agent_own_rules = join("", [for number in range(500) : "-w /srv/${sha512(tostring(number))} -p wa -k own\n"])
  }
  expect_failures = [output.user_data_base64, aws_ssm_document.agent]
}

run "attested_hosts_need_no_token" {
  command = plan

  module {
    source = "./modules/agent"
  }
  variables {
    agent_enrollment_method  = "aws"
    enrollment_ssm_parameter = ""
  }

  assert {
    condition     = !strcontains(output.cloud_init_part.content, "get-parameter") && length(jsondecode(output.instance_policy_json).Statement) == 0
    error_message = "nothing must be read where the instance proves itself"
  }
}

run "files_of_this_machine_are_refused" {
  command = plan

  module {
    source = "./modules/agent"
  }
  variables {
    agent_artifact_source = "file"
  }
  expect_failures = [output.user_data_base64]
}

run "a_token_must_be_somewhere" {
  command = plan

  module {
    source = "./modules/agent"
  }
  variables {
    enrollment_ssm_parameter = ""
  }
  expect_failures = [output.user_data_base64]
}

run "refuses_name" {
  command = plan

  module {
    source = "./modules/agent"
  }
  variables {
    name = "x"
  }
  expect_failures = [var.name]
}

run "refuses_enrollment_ssm_parameter" {
  command = plan

  module {
    source = "./modules/agent"
  }
  variables {
    enrollment_ssm_parameter = "token"
  }
  expect_failures = [var.enrollment_ssm_parameter]
}

run "refuses_enrollment_secretsmanager_secret" {
  command = plan

  module {
    source = "./modules/agent"
  }
  variables {
    enrollment_secretsmanager_secret = "a b"
  }
  expect_failures = [var.enrollment_secretsmanager_secret]
}

run "refuses_ssm_targets" {
  command = plan

  module {
    source = "./modules/agent"
  }
  variables {
    ssm_targets = [for index in range(6) : { key = "tag:a", values = ["b"] }]
  }
  expect_failures = [var.ssm_targets]
}

run "refuses_max_concurrency" {
  command = plan

  module {
    source = "./modules/agent"
  }
  variables {
    max_concurrency = "all"
  }
  expect_failures = [var.max_concurrency]
}

run "refuses_max_errors" {
  command = plan

  module {
    source = "./modules/agent"
  }
  variables {
    max_errors = "-1"
  }
  expect_failures = [var.max_errors]
}

run "refuses_wait_for_success_timeout_seconds" {
  command = plan

  module {
    source = "./modules/agent"
  }
  variables {
    wait_for_success_timeout_seconds = 1
  }
  expect_failures = [var.wait_for_success_timeout_seconds]
}
