# The module private-link on a provider that asks nobody.
mock_provider "aws" {
  mock_resource "aws_vpc_endpoint" {
    defaults = { dns_entry = [{ dns_name = "vpce-1.example.org", hosted_zone_id = "Z1" }] }
  }
}

variables {
  service_name      = "com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0"
  dns_name          = "collector.example.org"
  vpc_id            = "vpc-0123456789abcdef0"
  subnet_ids        = ["subnet-a", "subnet-b"]
  agent_cidr_blocks = ["10.20.0.0/16"]
}

run "collectors_have_their_name_in_this_vpc" {
  command = apply

  module {
    source = "./modules/private-link"
  }

  assert {
    condition     = aws_vpc_endpoint.this.vpc_endpoint_type == "Interface" && !aws_vpc_endpoint.this.private_dns_enabled
    error_message = "the link must be an interface, whose name comes from the zone"
  }
  assert {
    condition     = aws_route53_zone.this[0].name == "collector.example.org" && one(aws_route53_zone.this[0].vpc[*].vpc_id) == "vpc-0123456789abcdef0" && one(aws_route53_record.this[0].alias[*].name) == "vpce-1.example.org"
    error_message = "the zone must be for that one name, in this VPC, and lead to the link"
  }
  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.this : "${rule.from_port} ${rule.cidr_ipv4}"]) == toset(["7443 10.20.0.0/16", "7445 10.20.0.0/16"])
    error_message = "hosts must reach the ports for blocks and enrolment, and nobody anything else"
  }
}

run "the_service_can_have_the_name" {
  command = apply

  module {
    source = "./modules/private-link"
  }
  variables {
    dns                = "service"
    client_cidr_blocks = ["10.30.0.0/24"]
  }

  assert {
    condition     = aws_vpc_endpoint.this.private_dns_enabled && length(aws_route53_zone.this) == 0
    error_message = "the service's own name needs no zone"
  }
  assert {
    condition     = contains([for rule in aws_vpc_security_group_ingress_rule.this : "${rule.from_port} ${rule.cidr_ipv4}"], "7444 10.30.0.0/24")
    error_message = "those who ask must reach the port for questions"
  }
}

run "refuses_service_name" {
  command = plan

  module {
    source = "./modules/private-link"
  }
  variables {
    service_name = "com.amazonaws.eu-central-1.s3"
  }
  expect_failures = [var.service_name]
}

run "refuses_dns_name" {
  command = plan

  module {
    source = "./modules/private-link"
  }
  variables {
    dns_name = "collector"
  }
  expect_failures = [var.dns_name]
}

run "refuses_dns" {
  command = plan

  module {
    source = "./modules/private-link"
  }
  variables {
    dns = "hosts"
  }
  expect_failures = [var.dns]
}

run "refuses_one_zone" {
  command = plan

  module {
    source = "./modules/private-link"
  }
  variables {
    subnet_ids = ["subnet-a"]
  }
  expect_failures = [var.subnet_ids]
}

run "refuses_the_whole_internet" {
  command = plan

  module {
    source = "./modules/private-link"
  }
  variables {
    agent_cidr_blocks = ["0.0.0.0/0"]
  }
  expect_failures = [var.agent_cidr_blocks]
}
