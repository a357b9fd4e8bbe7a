# Before an Auto Scaling group ends an instance it waits until the instance has shipped what it has: the agent sees by itself where its
# instance is going, and ships; a hook holds the instance, and what goes on from there is done from outside, as agents have no rights on AWS.
data "aws_partition" "this" {}
data "aws_region" "this" {}
data "aws_caller_identity" "this" {}

locals {
  hook           = "${var.name}-ship"
  scope          = "${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
  group_arns     = [for group in var.autoscaling_group_names : "arn:${data.aws_partition.this.partition}:autoscaling:${local.scope}:autoScalingGroup:*:autoScalingGroupName/${group}"]
  automation_arn = "arn:${data.aws_partition.this.partition}:ssm:${local.scope}:automation-definition/${aws_ssm_document.end.name}"
}

resource "aws_autoscaling_lifecycle_hook" "ship" {
  for_each = var.autoscaling_group_names

  name                   = local.hook
  autoscaling_group_name = each.value
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = var.heartbeat_timeout_seconds
  # Whatever fails here, the instance ends: what it could not ship the collector tells.
  default_result = "CONTINUE"

  lifecycle {
    precondition {
      condition     = var.heartbeat_timeout_seconds >= var.ship_timeout_seconds + 60
      error_message = "heartbeat_timeout_seconds must be 60 more than ship_timeout_seconds: else the group ends the instance while it ships."
    }
  }
}

# ---- On the instance: no words from outside, so nothing can be slipped in -----------------------------------------

resource "aws_ssm_document" "ship" {
  name            = "${var.name}-ship"
  document_type   = "Command"
  document_format = "JSON"
  target_type     = "/AWS::EC2::Instance"
  tags            = var.tags
  content = jsonencode({
    schemaVersion = "2.2"
    description   = "Tells the Hosttrail agent that its host will end, and waits until all events of before are stored"
    mainSteps = [{
      action = "aws:runShellScript"
      name   = "ship"
      inputs = {
        timeoutSeconds = tostring(var.ship_timeout_seconds + 30)
        runCommand     = ["exec hosttrail-agent end --timeout ${var.ship_timeout_seconds}"]
      }
    }]
  })
}

# ---- From outside: ship, then let the group go on -----------------------------------------------------------------

resource "aws_ssm_document" "end" {
  name            = "${var.name}-end"
  document_type   = "Automation"
  document_format = "JSON"
  tags            = var.tags
  content = jsonencode({
    schemaVersion = "0.3"
    description   = "Has an instance that its group ends ship what it has, and lets the group go on"
    assumeRole    = aws_iam_role.automation.arn
    parameters = {
      InstanceId = { type = "String", allowedPattern = "^i-[0-9a-f]{8,17}$" }
      GroupName  = { type = "String", allowedValues = sort(tolist(var.autoscaling_group_names)) }
    }
    mainSteps = [
      {
        name           = "ship"
        action         = "aws:runCommand"
        timeoutSeconds = var.ship_timeout_seconds + 60
        isCritical     = false
        onFailure      = "Continue"
        nextStep       = "goOn"
        inputs = {
          DocumentName = aws_ssm_document.ship.name
          InstanceIds  = ["{{ InstanceId }}"]
        }
      },
      {
        name   = "goOn"
        action = "aws:executeAwsApi"
        isEnd  = true
        inputs = {
          Service               = "autoscaling"
          Api                   = "CompleteLifecycleAction"
          AutoScalingGroupName  = "{{ GroupName }}"
          LifecycleHookName     = local.hook
          InstanceId            = "{{ InstanceId }}"
          LifecycleActionResult = "CONTINUE"
        }
      },
    ]
  })
}

resource "aws_cloudwatch_event_rule" "end" {
  name        = "${var.name}-end"
  description = "An instance is about to end and waits for its agent"
  tags        = var.tags
  event_pattern = jsonencode({
    source        = ["aws.autoscaling"]
    "detail-type" = ["EC2 Instance-terminate Lifecycle Action"]
    detail = {
      AutoScalingGroupName = sort(tolist(var.autoscaling_group_names))
      LifecycleHookName    = [local.hook]
    }
  })
}

resource "aws_cloudwatch_event_target" "end" {
  rule     = aws_cloudwatch_event_rule.end.name
  arn      = "${local.automation_arn}:$DEFAULT"
  role_arn = aws_iam_role.events.arn

  input_transformer {
    input_paths = {
      instance = "$.detail.EC2InstanceId"
      group    = "$.detail.AutoScalingGroupName"
    }
    input_template = "{\"InstanceId\": [<instance>], \"GroupName\": [<group>]}"
  }
  # The hook is over after its own time, and then so is any use of this.
  retry_policy {
    maximum_event_age_in_seconds = max(60, var.heartbeat_timeout_seconds)
    maximum_retry_attempts       = 10
  }
}

# ---- Who may do what ----------------------------------------------------------------------------------------------

resource "aws_iam_role" "automation" {
  name_prefix = "${var.name}-end-"
  tags        = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ssm.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.this.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "automation" {
  name = "end"
  role = aws_iam_role.automation.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "RunThatDocument"
        Effect   = "Allow"
        Action   = ["ssm:SendCommand"]
        Resource = ["arn:${data.aws_partition.this.partition}:ssm:${local.scope}:document/${aws_ssm_document.ship.name}"]
      },
      {
        Sid       = "OnInstancesOfTheGroups"
        Effect    = "Allow"
        Action    = ["ssm:SendCommand"]
        Resource  = ["arn:${data.aws_partition.this.partition}:ec2:${local.scope}:instance/*"]
        Condition = { StringEquals = { "ssm:resourceTag/aws:autoscaling:groupName" = sort(tolist(var.autoscaling_group_names)) } }
      },
      {
        Sid      = "SeeWhatBecameOfIt"
        Effect   = "Allow"
        Action   = ["ssm:DescribeInstanceInformation", "ssm:ListCommandInvocations", "ssm:ListCommands"]
        Resource = ["*"]
      },
      {
        Sid      = "LetTheGroupsGoOn"
        Effect   = "Allow"
        Action   = ["autoscaling:CompleteLifecycleAction"]
        Resource = local.group_arns
      },
    ]
  })
}

resource "aws_iam_role" "events" {
  name_prefix = "${var.name}-told-"
  tags        = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "events.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.this.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "events" {
  name = "start"
  role = aws_iam_role.events.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "StartThatAutomation", Effect = "Allow", Action = ["ssm:StartAutomationExecution"], Resource = ["${local.automation_arn}:*"] },
      {
        Sid       = "WithItsRole"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [aws_iam_role.automation.arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ssm.amazonaws.com" } }
      },
    ]
  })
}
