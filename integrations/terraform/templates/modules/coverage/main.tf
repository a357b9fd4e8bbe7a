# What the role of the collectors' instances may do for coverage: assume the role of each account, and list what is in its own.
data "aws_partition" "this" {}

locals {
  accounts = length(var.accounts) == 0 ? ["*"] : var.accounts
  policy = {
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "AssumeCoverageRoles"
          Effect   = "Allow"
          Action   = ["sts:AssumeRole"]
          Resource = [for account in local.accounts : "arn:${data.aws_partition.this.partition}:iam::${account}:role/${var.role_name}"]
        },
        {
          Sid      = "ListOwnMachines"
          Effect   = "Allow"
          Action   = ["ec2:DescribeImages", "ec2:DescribeInstances", "ec2:DescribeRegions"]
          Resource = ["*"]
        },
      ],
      !var.organization ? [] : [{
        Sid      = "ListAccounts"
        Effect   = "Allow"
        Action   = ["organizations:ListAccounts"]
        Resource = ["*"]
      }],
    )
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "hosttrail-coverage"
  role   = var.collector_role_name
  policy = jsonencode(local.policy)
}
