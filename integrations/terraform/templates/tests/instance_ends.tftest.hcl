# The module instance-ends on a provider that asks nobody.
mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
}

variables {
  autoscaling_group_names = ["web", "api"]
}

run "a_group_waits_for_its_instance" {
  command = apply

  module {
    source = "./modules/instance-ends"
  }

  assert {
    condition     = toset([for hook in aws_autoscaling_lifecycle_hook.ship : hook.autoscaling_group_name]) == toset(["web", "api"]) && alltrue([for hook in aws_autoscaling_lifecycle_hook.ship : hook.default_result == "CONTINUE" && hook.lifecycle_transition == "autoscaling:EC2_INSTANCE_TERMINATING"])
    error_message = "each group must wait before it ends an instance, and go on whatever fails"
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.end.event_pattern).detail.AutoScalingGroupName == ["api", "web"] && jsondecode(aws_cloudwatch_event_rule.end.event_pattern).detail.LifecycleHookName == ["hosttrail-instance-ship"]
    error_message = "no end of another group or hook may start anything"
  }
  assert {
    condition     = aws_cloudwatch_event_target.end.arn == "arn:aws:ssm:eu-central-1:123456789012:automation-definition/hosttrail-instance-end:$DEFAULT"
    error_message = "the rule must start the automation"
  }
  assert {
    condition     = aws_cloudwatch_event_target.end.input_transformer[0].input_template == "{\"InstanceId\": [<instance>], \"GroupName\": [<group>]}"
    error_message = "the automation must be told the instance and its group"
  }
}

run "ships_first_and_then_lets_the_group_go_on" {
  command = apply

  module {
    source = "./modules/instance-ends"
  }

  assert {
    condition     = jsondecode(aws_ssm_document.end.content).schemaVersion == "0.3" && [for step in jsondecode(aws_ssm_document.end.content).mainSteps : step.action] == ["aws:runCommand", "aws:executeAwsApi"]
    error_message = "first the instance ships, then the group goes on"
  }
  assert {
    condition     = jsondecode(aws_ssm_document.end.content).mainSteps[0].onFailure == "Continue" && jsondecode(aws_ssm_document.end.content).mainSteps[1].inputs.LifecycleActionResult == "CONTINUE"
    error_message = "an instance that cannot ship must not be held for ever"
  }
  assert {
    condition     = jsondecode(aws_ssm_document.end.content).parameters.GroupName.allowedValues == ["api", "web"] && jsondecode(aws_ssm_document.end.content).parameters.InstanceId.allowedPattern == "^i-[0-9a-f]{8,17}$"
    error_message = "nothing else may be given to the automation"
  }
  assert {
    condition     = jsondecode(aws_ssm_document.ship.content).schemaVersion == "2.2" && jsondecode(aws_ssm_document.ship.content).mainSteps[0].inputs.runCommand == ["exec hosttrail-agent end --timeout 120"] && !contains(keys(jsondecode(aws_ssm_document.ship.content)), "parameters")
    error_message = "the instance must run one command, with nothing in it from outside"
  }
}

run "rights_are_for_these_groups_alone" {
  command = apply

  module {
    source = "./modules/instance-ends"
  }

  assert {
    condition     = toset(flatten(jsondecode(aws_iam_role_policy.automation.policy).Statement[*].Action)) == toset(["ssm:SendCommand", "ssm:DescribeInstanceInformation", "ssm:ListCommandInvocations", "ssm:ListCommands", "autoscaling:CompleteLifecycleAction"])
    error_message = "the automation may run its document and let groups go on, and nothing else"
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.automation.policy).Statement : statement.Resource != ["*"] || statement.Sid == "SeeWhatBecameOfIt"])
    error_message = "it may do so on its own document, its groups and their instances alone"
  }
  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.automation.policy).Statement : statement.Resource if statement.Sid == "LetTheGroupsGoOn"]) == ["arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:*:autoScalingGroupName/api", "arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:*:autoScalingGroupName/web"]
    error_message = "no other group may be let go on"
  }
  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.events.policy).Statement : statement.Resource if statement.Sid == "WithItsRole"]) == [aws_iam_role.automation.arn]
    error_message = "the rule may pass on the automation's role and no other"
  }
}

run "a_hook_must_outlast_the_shipping" {
  command = plan

  module {
    source = "./modules/instance-ends"
  }
  variables {
    ship_timeout_seconds = 280
  }
  expect_failures = [aws_autoscaling_lifecycle_hook.ship]
}

run "refuses_autoscaling_group_names" {
  command = plan

  module {
    source = "./modules/instance-ends"
  }
  variables {
    autoscaling_group_names = ["*"]
  }
  expect_failures = [var.autoscaling_group_names]
}

run "refuses_ship_timeout_seconds" {
  command = plan

  module {
    source = "./modules/instance-ends"
  }
  variables {
    ship_timeout_seconds = 1
  }
  expect_failures = [var.ship_timeout_seconds]
}

run "refuses_heartbeat_timeout_seconds" {
  command = plan

  module {
    source = "./modules/instance-ends"
  }
  variables {
    heartbeat_timeout_seconds = 100000
  }
  expect_failures = [var.heartbeat_timeout_seconds]
}

run "refuses_name" {
  command = plan

  module {
    source = "./modules/instance-ends"
  }
  variables {
    name = "a b"
  }
  expect_failures = [var.name]
}
