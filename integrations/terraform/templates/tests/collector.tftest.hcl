# The module collector on a provider that asks nobody.
mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
}

override_data {
  target = data.aws_subnet.this["subnet-a"]
  values = { vpc_id = "vpc-1", availability_zone = "eu-central-1a" }
}
override_data {
  target = data.aws_subnet.this["subnet-b"]
  values = { vpc_id = "vpc-1", availability_zone = "eu-central-1b" }
}
override_data {
  target = data.aws_subnet.this["subnet-c"]
  values = { vpc_id = "vpc-1", availability_zone = "eu-central-1c" }
}

variables {
  vpc_id             = "vpc-1"
  subnet_ids         = ["subnet-a", "subnet-b", "subnet-c"]
  agent_cidr_blocks  = ["10.0.0.0/8"]
  client_cidr_blocks = ["10.1.0.0/16"]
  ami_id             = "ami-0123456789abcdef0"
  collector_version  = "1.2.3"
  nats_version       = "2.11.4"
  kms_key_arn        = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  secret_arns = {
    tls           = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tls-AbCdEf"
    ca            = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ca-AbCdEf"
    mongodb_url   = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:mongodb-AbCdEf"
    nats_password = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:nats-AbCdEf"
  }
}

run "is_what_it_promises" {
  command = plan

  module {
    source = "./modules/collector"
  }

  assert {
    condition     = aws_launch_template.collector.metadata_options[0].http_tokens == "required" && aws_launch_template.collector.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "collectors must take IMDSv2 alone, with a hop limit of 1"
  }
  assert {
    condition     = alltrue([for instance in aws_instance.nats : instance.metadata_options[0].http_tokens == "required"])
    error_message = "servers of NATS must take IMDSv2 alone"
  }
  assert {
    condition     = length(distinct([for volume in aws_ebs_volume.nats : volume.availability_zone])) == 3
    error_message = "NATS must have a server in each of three zones"
  }
  assert {
    condition     = alltrue([for volume in aws_ebs_volume.nats : volume.encrypted])
    error_message = "disks of NATS must be encrypted"
  }
  assert {
    condition     = alltrue([for listener in aws_lb_listener.this : listener.protocol == "TCP"])
    error_message = "TLS must go through to the collectors"
  }
  assert {
    condition     = aws_autoscaling_group.collector.instance_refresh[0].preferences[0].auto_rollback
    error_message = "a refresh that fails must be rolled back"
  }
  assert {
    condition     = length(aws_autoscaling_group.collector.instance_refresh[0].preferences[0].checkpoint_percentages) > 1
    error_message = "a refresh must have checkpoints"
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.nats_collector.from_port == 4222 && alltrue([for rule in aws_vpc_security_group_ingress_rule.balancer : rule.cidr_ipv4 != "0.0.0.0/0"])
    error_message = "nobody but those who must may reach the ports"
  }
  assert {
    condition     = aws_lb.this.internal
    error_message = "the address must not be on the Internet"
  }
}

run "balancer_passes_and_looks" {
  command = plan

  module {
    source = "./modules/collector"
  }

  assert {
    condition     = alltrue([for group in aws_lb_target_group.this : group.health_check[0].path == "/livez" && group.health_check[0].port == "9464"])
    error_message = "the balancer must ask whether the program answers, and not whether it has a database"
  }
  assert {
    condition     = !contains([for listener in aws_lb_listener.this : listener.port], 9464) && aws_vpc_security_group_ingress_rule.health.from_port == 9464
    error_message = "the balancer alone may reach the port of its checks"
  }
  assert {
    condition     = alltrue([for group in aws_lb_target_group.this : tobool(group.connection_termination) == false && tobool(group.proxy_protocol_v2) == false && tobool(group.preserve_client_ip)])
    error_message = "connections must be left to the collector, with addresses and without the proxy protocol"
  }
  assert {
    condition     = alltrue([for listener in aws_lb_listener.this : listener.tcp_idle_timeout_seconds == 350])
    error_message = "no connection that says something every 20 seconds may be idle for too long"
  }
  assert {
    condition     = length(aws_vpc_endpoint_service.this) == 0 && aws_lb.this.enforce_security_group_inbound_rules_on_private_link_traffic == "on"
    error_message = "nobody may make a private link unasked"
  }
}

run "private_links_for_those_who_may" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    private_link_principals = ["arn:aws:iam::210987654321:root"]
    private_link_dns_name   = "collector.example.org"
  }

  assert {
    condition     = aws_vpc_endpoint_service.this[0].acceptance_required && aws_vpc_endpoint_service.this[0].allowed_principals == toset(["arn:aws:iam::210987654321:root"])
    error_message = "these and nobody else may make links, and each must be accepted"
  }
  assert {
    condition     = aws_vpc_endpoint_service.this[0].private_dns_name == "collector.example.org" && aws_lb.this.enforce_security_group_inbound_rules_on_private_link_traffic == "off"
    error_message = "links must have the collectors' name, and pass whatever addresses the other VPC has"
  }
}

run "refuses_private_links_for_everybody" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    private_link_principals = ["*"]
  }
  expect_failures = [var.private_link_principals]
}

run "refuses_private_link_dns_name" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    private_link_dns_name = "collector"
  }
  expect_failures = [var.private_link_dns_name]
}

run "has_no_port_of_the_console_unasked" {
  command = plan

  module {
    source = "./modules/collector"
  }

  assert {
    condition     = !contains([for listener in aws_lb_listener.this : listener.port], 7447)
    error_message = "the console's port must be open to nobody where it has no URL"
  }
}

run "opens_the_port_of_the_console" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    console_url = "https://collector.example.org:7447"
  }

  assert {
    condition     = contains([for listener in aws_lb_listener.this : listener.port], 7447)
    error_message = "the balancer must listen for browsers"
  }
  assert {
    condition     = [for rule in aws_vpc_security_group_ingress_rule.balancer : rule.cidr_ipv4 if rule.from_port == 7447] == ["10.1.0.0/16"]
    error_message = "nobody but those who ask may reach the console"
  }
}

run "refuses_console_url" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    console_url = "http://collector.example.org"
  }
  expect_failures = [var.console_url]
}

run "makes_a_key_of_its_own" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    kms_key_arn = ""
  }

  assert {
    condition     = aws_kms_key.this[0].enable_key_rotation
    error_message = "the key must rotate"
  }
}

run "wants_three_zones" {
  command = plan

  module {
    source = "./modules/collector"
  }
  override_data {
    target = data.aws_subnet.this["subnet-c"]
    values = { vpc_id = "vpc-1", availability_zone = "eu-central-1a" }
  }
  expect_failures = [aws_launch_template.collector]
}

run "wants_subnets_of_the_vpc" {
  command = plan

  module {
    source = "./modules/collector"
  }
  override_data {
    target = data.aws_subnet.this["subnet-c"]
    values = { vpc_id = "vpc-2", availability_zone = "eu-central-1c" }
  }
  expect_failures = [data.aws_subnet.this]
}

run "wants_room_for_the_stream" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    nats_stream_bytes_max = 1099511627776
  }
  expect_failures = [aws_launch_template.collector]
}

run "sizes" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    min_size = 5
    max_size = 4
  }
  expect_failures = [aws_launch_template.collector]
}

run "refuses_name" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    name = "Hosttrail!"
  }
  expect_failures = [var.name]
}

run "refuses_subnet_ids" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    subnet_ids = ["subnet-a", "subnet-b"]
  }
  expect_failures = [var.subnet_ids]
}

run "refuses_agent_cidr_blocks" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    agent_cidr_blocks = ["10.0.0.0"]
  }
  expect_failures = [var.agent_cidr_blocks]
}

run "refuses_client_cidr_blocks" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    client_cidr_blocks = ["0.0.0.0/0"]
  }
  expect_failures = [var.client_cidr_blocks]
}

run "refuses_ami_id" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    ami_id = "latest"
  }
  expect_failures = [var.ami_id]
}

run "refuses_min_size" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    min_size = 1
  }
  expect_failures = [var.min_size]
}

run "refuses_max_size" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    max_size = 1000
  }
  expect_failures = [var.max_size]
}

run "refuses_cpu_target_percent" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    cpu_target_percent = 100
  }
  expect_failures = [var.cpu_target_percent]
}

run "refuses_lag_target_blocks" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    lag_target_blocks = 1
  }
  expect_failures = [var.lag_target_blocks]
}

run "refuses_collector_version" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    collector_version = "latest"
  }
  expect_failures = [var.collector_version]
}

run "refuses_artifact_url" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    artifact_url = "http://packages.example.org"
  }
  expect_failures = [var.artifact_url]
}

run "refuses_artifact_url_with_password" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    artifact_url = "https://user:secret@packages.example.org"
  }
  expect_failures = [var.artifact_url]
}

run "refuses_collector_sha256" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    collector_sha256 = { deb = { x64 = "abc" } }
  }
  expect_failures = [var.collector_sha256]
}

run "refuses_nats_version" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    nats_version = "2"
  }
  expect_failures = [var.nats_version]
}

run "refuses_nats_sha256" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    nats_sha256 = { deb = { x64 = "abc" } }
  }
  expect_failures = [var.nats_sha256]
}

run "refuses_nats_volume_gib" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    nats_volume_gib = 1
  }
  expect_failures = [var.nats_volume_gib]
}

run "refuses_nats_stream_bytes_max" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    nats_stream_bytes_max = 1
  }
  expect_failures = [var.nats_stream_bytes_max]
}

run "refuses_database" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    database = "a/b"
  }
  expect_failures = [var.database]
}

run "refuses_secret_arns" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    secret_arns = { tls = "-----BEGIN", ca = "x", mongodb_url = "mongodb://", nats_password = "secret" }
  }
  expect_failures = [var.secret_arns]
}

run "refuses_kms_key_arn" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    kms_key_arn = "alias/x"
  }
  expect_failures = [var.kms_key_arn]
}

run "refuses_alarm_topic_arns" {
  command = plan

  module {
    source = "./modules/collector"
  }
  variables {
    alarm_topic_arns = ["oncall"]
  }
  expect_failures = [var.alarm_topic_arns]
}
