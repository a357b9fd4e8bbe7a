# The modules coverage and coverage-role on a provider that asks nobody.
mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

run "role_lists_machines_and_nothing_else" {
  command = plan

  module {
    source = "./modules/coverage-role"
  }

  variables {
    collector_role_arns = ["arn:aws:iam::123456789012:role/hosttrail-collector-1"]
    external_id         = "hosttrail-7f3a9c"
  }

  assert {
    condition     = toset(flatten(jsondecode(aws_iam_role_policy.this.policy).Statement[*].Action)) == toset(["ec2:DescribeImages", "ec2:DescribeInstances", "ec2:DescribeRegions"])
    error_message = "the role may list regions, machines and images, and nothing else"
  }
  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal.AWS == ["arn:aws:iam::123456789012:role/hosttrail-collector-1"] && length(jsondecode(aws_iam_role.this.assume_role_policy).Statement) == 1
    error_message = "the collectors' role alone may assume it"
  }
  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.StringEquals["sts:ExternalId"] == "hosttrail-7f3a9c"
    error_message = "whoever assumes it must tell the external id"
  }
}

run "nobody_else_may_assume_it" {
  command = plan

  module {
    source = "./modules/coverage-role"
  }

  variables {
    collector_role_arns = ["*"]
    external_id         = "hosttrail-7f3a9c"
  }

  expect_failures = [var.collector_role_arns]
}

run "an_external_id_is_asked_for" {
  command = plan

  module {
    source = "./modules/coverage-role"
  }

  variables {
    collector_role_arns = ["arn:aws:iam::123456789012:role/hosttrail-collector-1"]
    external_id         = ""
  }

  expect_failures = [var.external_id]
}

run "collectors_assume_that_role_alone" {
  command = plan

  module {
    source = "./modules/coverage"
  }

  variables {
    collector_role_name = "hosttrail-collector-1"
    accounts            = ["210987654321"]
    organization        = true
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Resource if statement.Sid == "AssumeCoverageRoles"]) == ["arn:aws:iam::210987654321:role/hosttrail-coverage"]
    error_message = "collectors assume the role of that name in these accounts, and no other"
  }
  assert {
    condition     = toset(flatten(jsondecode(aws_iam_role_policy.this.policy).Statement[*].Action)) == toset(["sts:AssumeRole", "ec2:DescribeImages", "ec2:DescribeInstances", "ec2:DescribeRegions", "organizations:ListAccounts"])
    error_message = "collectors may do what coverage asks, and nothing else"
  }
}

run "accounts_are_listed_only_where_they_shall_be" {
  command = plan

  module {
    source = "./modules/coverage"
  }

  variables {
    collector_role_name = "hosttrail-collector-1"
  }

  assert {
    condition     = !contains(flatten(jsondecode(aws_iam_role_policy.this.policy).Statement[*].Action), "organizations:ListAccounts")
    error_message = "without organization no accounts are listed"
  }
}
