locals {
  ports = merge({ ingest = 7443, query = 7444, enroll = 7445 }, var.console_url == "" ? {} : { console = 7447 })
  # Who may reach which port.
  port_networks = merge({
    ingest = var.agent_cidr_blocks
    query  = var.client_cidr_blocks
    enroll = var.agent_cidr_blocks
  }, var.console_url == "" ? {} : { console = var.client_cidr_blocks })
  # What waits for collectors, and what it means where scaling cannot bring it down.
  lags = {
    store = {
      metric = "StoreLagBlocks"
      alarm  = "Blocks wait to be stored, more than scaling can bring down: is the database in reach?"
    }
    detect = {
      metric = "DetectLagBlocks"
      alarm  = "Blocks wait to be matched, more than scaling can bring down: alerts come late."
    }
  }
  # /livez and /metrics, for the balancer alone.
  health_port = 9464
  has_link    = length(var.private_link_principals) > 0
  kms_key_arn = var.kms_key_arn != "" ? var.kms_key_arn : aws_kms_key.this[0].arn
  tags        = merge({ Name = var.name }, var.tags)
}

data "aws_subnet" "this" {
  for_each = toset(var.subnet_ids)

  id = each.value

  lifecycle {
    postcondition {
      condition     = self.vpc_id == var.vpc_id
      error_message = "The subnet ${each.value} is not in the VPC ${var.vpc_id}."
    }
  }
}

data "aws_region" "this" {}

resource "aws_kms_key" "this" {
  count = var.kms_key_arn == "" ? 1 : 0

  description             = "Disks of ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = local.tags
}

# ---- The one address -------------------------------------------------------------------------------------------

resource "aws_lb" "this" {
  name               = var.name
  load_balancer_type = "network"
  internal           = true
  subnets            = var.subnet_ids
  security_groups    = [aws_security_group.balancer.id]
  # Who comes by a private link has an address of another VPC, which says nothing here: principals and certificates decide.
  enforce_security_group_inbound_rules_on_private_link_traffic = local.has_link ? "off" : "on"
  enable_cross_zone_load_balancing                             = true
  enable_deletion_protection                                   = true
  tags                                                         = local.tags
}

# TLS goes through to the collectors, which know hosts and users by their certificates: the balancer has no key.
resource "aws_lb_target_group" "this" {
  for_each = local.ports

  name     = "${var.name}-${each.key}"
  port     = each.value
  protocol = "TCP"
  vpc_id   = var.vpc_id
  # Nothing new comes to a collector that is to go; then its instance is stopped, and the collector itself asks its agents to move, a few at a
  # time. A balancer that cut their connections would send all of them at once.
  deregistration_delay   = 30
  connection_termination = false
  # Addresses stand in logs, and bounds of connections go by them. Not the proxy protocol: what is before TLS is believed by nobody here.
  preserve_client_ip = true
  proxy_protocol_v2  = false
  tags               = local.tags

  # That the program answers, which a listening socket does not say. Not /readyz: where NATS or the database is away that is no for all
  # collectors, and the group would replace them for what new ones lack as well.
  health_check {
    protocol          = "HTTP"
    port              = local.health_port
    path              = "/livez"
    matcher           = "200"
    healthy_threshold = 2
    # A collector that reads many rules may say nothing for some seconds.
    unhealthy_threshold = 3
    interval            = 10
  }
}

resource "aws_lb_listener" "this" {
  for_each = local.ports

  load_balancer_arn = aws_lb.this.arn
  port              = each.value
  protocol          = "TCP"
  tags              = local.tags
  # Agents and the CLI say something every 20 seconds, so no connection is ever idle for so long.
  tcp_idle_timeout_seconds = 350

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[each.key].arn
  }
}

# ---- Private links ---------------------------------------------------------------------------------------------

resource "aws_vpc_endpoint_service" "this" {
  count = local.has_link ? 1 : 0

  network_load_balancer_arns = [aws_lb.this.arn]
  acceptance_required        = var.private_link_acceptance
  allowed_principals         = var.private_link_principals
  private_dns_name           = var.private_link_dns_name == "" ? null : var.private_link_dns_name
  tags                       = local.tags
}

# ---- The collectors --------------------------------------------------------------------------------------------

resource "aws_launch_template" "collector" {
  name                   = "${var.name}-collector"
  image_id               = var.ami_id
  instance_type          = var.instance_type
  update_default_version = false
  vpc_security_group_ids = [aws_security_group.collector.id]
  user_data = base64gzip(templatefile("${path.module}/collector.sh.tftpl", {
    name               = var.name
    region             = data.aws_region.this.name
    version            = var.collector_version
    artifact_url       = var.artifact_url
    sha256             = var.collector_sha256
    secrets            = var.secret_arns
    nats_addresses     = [for interface in aws_network_interface.nats : interface.private_ip]
    stream_bytes_max   = var.nats_stream_bytes_max
    database           = var.database
    console_url        = var.console_url
    health_port        = local.health_port
    has_link           = local.has_link
    bindings           = jsonencode([for name in var.admins : { subject = "certificate:${name}", role = "admin" }])
    autoscaling_group  = "${var.name}-collector"
    metrics_namespace  = "Hosttrail"
    metrics_dimensions = "AutoScalingGroupName=${var.name}-collector"
  }))
  tags = local.tags

  iam_instance_profile {
    arn = aws_iam_instance_profile.collector.arn
  }
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  monitoring {
    enabled = true
  }
  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = 20
      encrypted             = true
      kms_key_id            = local.kms_key_arn
      delete_on_termination = true
    }
  }
  tag_specifications {
    resource_type = "instance"
    tags          = merge(local.tags, { Name = "${var.name}-collector" })
  }
  tag_specifications {
    resource_type = "volume"
    tags          = local.tags
  }

  lifecycle {
    precondition {
      condition     = length(distinct([for subnet in data.aws_subnet.this : subnet.availability_zone])) >= 3
      error_message = "subnet_ids must be in three zones at least: with fewer, NATS does not outlive the loss of one."
    }
    precondition {
      condition     = var.max_size >= var.min_size
      error_message = "max_size must not be less than min_size."
    }
    precondition {
      condition     = var.nats_stream_bytes_max * 2 <= var.nats_volume_gib * 1073741824
      error_message = "nats_volume_gib must have room for twice nats_stream_bytes_max."
    }
    postcondition {
      condition     = self.metadata_options[0].http_tokens == "required"
      error_message = "Instances must take IMDSv2 alone."
    }
  }
}

resource "aws_autoscaling_group" "collector" {
  name                      = "${var.name}-collector"
  min_size                  = var.min_size
  max_size                  = var.max_size
  vpc_zone_identifier       = var.subnet_ids
  target_group_arns         = [for group in aws_lb_target_group.this : group.arn]
  health_check_type         = "ELB"
  health_check_grace_period = 300
  default_instance_warmup   = 120
  # The instance must have proved that it listens, or it is replaced and the refresh is rolled back.
  wait_for_elb_capacity     = var.min_size
  wait_for_capacity_timeout = "15m"

  launch_template {
    id = aws_launch_template.collector.id
    # One exact version: what is rolled out is what was planned.
    version = aws_launch_template.collector.latest_version
  }
  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage = 100
      max_healthy_percentage = 200
      auto_rollback          = true
      checkpoint_percentages = [25, 50, 100]
      checkpoint_delay       = 300
      instance_warmup        = 120
    }
  }
  dynamic "tag" {
    for_each = merge(local.tags, { Name = "${var.name}-collector" })

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    # Scaling decides it.
    ignore_changes = [desired_capacity]
  }
}

resource "aws_autoscaling_policy" "cpu" {
  name                   = "${var.name}-cpu"
  autoscaling_group_name = aws_autoscaling_group.collector.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = var.cpu_target_percent

    predefined_metric_specification {
      predefined_metric_type = "ASGAverageCPUUtilization"
    }
  }
}

resource "aws_autoscaling_policy" "lag" {
  for_each = local.lags

  name                   = "${var.name}-${each.key}-lag"
  autoscaling_group_name = aws_autoscaling_group.collector.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = var.lag_target_blocks
    # Nothing waiting is no reason to have fewer: CPU says when there are too many.
    disable_scale_in = true

    customized_metric_specification {
      namespace   = "Hosttrail"
      metric_name = each.value.metric
      statistic   = "Average"
      unit        = "Count"

      metric_dimension {
        name  = "AutoScalingGroupName"
        value = aws_autoscaling_group.collector.name
      }
    }
  }
}
