# The consumers' side of a private link: hosts of this VPC reach the collectors under the name that is in their certificate, by addresses of
# their own subnets, without a route between the VPCs.
resource "aws_security_group" "this" {
  name_prefix = "${var.name}-"
  description = "Private link to the collectors: who may use it"
  vpc_id      = var.vpc_id
  tags        = local.tags

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  ports = merge(
    { ingest = 7443, enroll = 7445 },
    length(var.client_cidr_blocks) > 0 ? { query = 7444 } : {},
  )
  port_networks = { ingest = var.agent_cidr_blocks, enroll = var.agent_cidr_blocks, query = var.client_cidr_blocks }
  tags          = merge({ Name = var.name }, var.tags)
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = { for pair in flatten([for name, port in local.ports : [for network in local.port_networks[name] : { name = name, port = port, network = network }]]) : "${pair.name}-${pair.network}" => pair }

  security_group_id = aws_security_group.this.id
  description       = each.value.name
  cidr_ipv4         = each.value.network
  from_port         = each.value.port
  to_port           = each.value.port
  ip_protocol       = "tcp"
}

resource "aws_vpc_endpoint" "this" {
  vpc_id              = var.vpc_id
  vpc_endpoint_type   = "Interface"
  service_name        = var.service_name
  subnet_ids          = var.subnet_ids
  security_group_ids  = [aws_security_group.this.id]
  private_dns_enabled = var.dns == "service"
  tags                = local.tags
}

# A zone of this VPC's own for that one name: nothing else is answered otherwise than before.
resource "aws_route53_zone" "this" {
  count = var.dns == "zone" ? 1 : 0

  name    = var.dns_name
  comment = "Collectors by a private link"
  tags    = local.tags

  vpc {
    vpc_id = var.vpc_id
  }
}

resource "aws_route53_record" "this" {
  count = var.dns == "zone" ? 1 : 0

  zone_id = aws_route53_zone.this[0].zone_id
  name    = var.dns_name
  type    = "A"

  alias {
    name                   = aws_vpc_endpoint.this.dns_entry[0].dns_name
    zone_id                = aws_vpc_endpoint.this.dns_entry[0].hosted_zone_id
    evaluate_target_health = false
  }
}
