# Who may reach whom, and what each instance may read.
resource "aws_security_group" "balancer" {
  name_prefix = "${var.name}-balancer-"
  description = "The one address of ${var.name}"
  vpc_id      = var.vpc_id
  tags        = local.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group" "collector" {
  name_prefix = "${var.name}-collector-"
  description = "Collectors of ${var.name}"
  vpc_id      = var.vpc_id
  tags        = local.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group" "nats" {
  name_prefix = "${var.name}-nats-"
  description = "NATS of ${var.name}: collectors and other servers of NATS alone"
  vpc_id      = var.vpc_id
  tags        = local.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  for_each = { for pair in flatten([for name, networks in local.port_networks : [for network in networks : { name = name, network = network }]]) : "${pair.name}-${pair.network}" => pair }

  security_group_id = aws_security_group.balancer.id
  description       = each.value.name
  cidr_ipv4         = each.value.network
  from_port         = local.ports[each.value.name]
  to_port           = local.ports[each.value.name]
  ip_protocol       = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "balancer" {
  for_each = local.ports

  security_group_id            = aws_security_group.balancer.id
  referenced_security_group_id = aws_security_group.collector.id
  description                  = each.key
  from_port                    = each.value
  to_port                      = each.value
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "health" {
  security_group_id            = aws_security_group.balancer.id
  referenced_security_group_id = aws_security_group.collector.id
  description                  = "health"
  from_port                    = local.health_port
  to_port                      = local.health_port
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "health" {
  security_group_id            = aws_security_group.collector.id
  referenced_security_group_id = aws_security_group.balancer.id
  description                  = "health"
  from_port                    = local.health_port
  to_port                      = local.health_port
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "collector" {
  for_each = local.ports

  security_group_id            = aws_security_group.collector.id
  referenced_security_group_id = aws_security_group.balancer.id
  description                  = each.key
  from_port                    = each.value
  to_port                      = each.value
  ip_protocol                  = "tcp"
}

# To MongoDB, to AWS's services and to packages: where they are is not known here.
resource "aws_vpc_security_group_egress_rule" "collector" {
  security_group_id = aws_security_group.collector.id
  description       = "MongoDB, NATS, AWS services, packages"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_vpc_security_group_ingress_rule" "nats_collector" {
  security_group_id            = aws_security_group.nats.id
  referenced_security_group_id = aws_security_group.collector.id
  description                  = "Collectors"
  from_port                    = 4222
  to_port                      = 4222
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "nats_cluster" {
  security_group_id            = aws_security_group.nats.id
  referenced_security_group_id = aws_security_group.nats.id
  description                  = "The cluster"
  from_port                    = 6222
  to_port                      = 6222
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "nats" {
  security_group_id = aws_security_group.nats.id
  description       = "The cluster, AWS services, packages"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

locals {
  assume_role = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
  # Each reads what it needs and nothing else.
  readable = {
    collector = values(var.secret_arns)
    nats      = [var.secret_arns.nats_password]
  }
}

resource "aws_iam_role" "this" {
  for_each = local.readable

  name_prefix        = "${var.name}-${each.key}-"
  assume_role_policy = local.assume_role
  tags               = local.tags
}

resource "aws_iam_role_policy" "this" {
  for_each = local.readable

  name = "secrets"
  role = aws_iam_role.this[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        { Sid = "ReadSecrets", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = each.value },
        {
          Sid       = "DecryptThem"
          Effect    = "Allow"
          Action    = ["kms:Decrypt"]
          Resource  = ["*"]
          Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${data.aws_region.this.name}.amazonaws.com" } }
        },
      ],
      each.key != "collector" ? [] : [{
        Sid       = "TellMetrics"
        Effect    = "Allow"
        Action    = ["cloudwatch:PutMetricData"]
        Resource  = ["*"]
        Condition = { StringEquals = { "cloudwatch:namespace" = "Hosttrail" } }
      }],
    )
  })
}

resource "aws_iam_instance_profile" "collector" {
  name_prefix = "${var.name}-collector-"
  role        = aws_iam_role.this["collector"].name
  tags        = local.tags
}

resource "aws_iam_instance_profile" "nats" {
  name_prefix = "${var.name}-nats-"
  role        = aws_iam_role.this["nats"].name
  tags        = local.tags
}
