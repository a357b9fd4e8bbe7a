# What the role coverage of a collector asks in this account, and nothing else. None of these actions knows single resources.
locals {
  policy = {
    Version = "2012-10-17"
    Statement = [{
      Sid      = "ListMachines"
      Effect   = "Allow"
      Action   = ["ec2:DescribeImages", "ec2:DescribeInstances", "ec2:DescribeRegions"]
      Resource = ["*"]
    }]
  }
  trust = {
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Collectors"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = var.collector_role_arns }
      Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
    }]
  }
}

resource "aws_iam_role" "this" {
  name                 = var.role_name
  description          = "Hosttrail asks which machines there are."
  assume_role_policy   = jsonencode(local.trust)
  max_session_duration = 3600
  tags                 = var.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "list-machines"
  role   = aws_iam_role.this.id
  policy = jsonencode(local.policy)
}
