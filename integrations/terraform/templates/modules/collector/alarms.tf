resource "aws_cloudwatch_metric_alarm" "unhealthy" {
  for_each = local.ports

  alarm_name          = "${var.name}-unhealthy-${each.key}"
  alarm_description   = "A collector does not listen for ${each.key}."
  namespace           = "AWS/NetworkELB"
  metric_name         = "UnHealthyHostCount"
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
  dimensions = {
    LoadBalancer = aws_lb.this.arn_suffix
    TargetGroup  = aws_lb_target_group.this[each.key].arn_suffix
  }
}

resource "aws_cloudwatch_metric_alarm" "lag" {
  for_each = local.lags

  alarm_name          = "${var.name}-${each.key}-lag"
  alarm_description   = each.value.alarm
  namespace           = "Hosttrail"
  metric_name         = each.value.metric
  statistic           = "Average"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.lag_target_blocks * 10
  period              = 60
  evaluation_periods  = 10
  # Collectors that tell nothing are no good sign either.
  treat_missing_data = "breaching"
  alarm_actions      = var.alarm_topic_arns
  ok_actions         = var.alarm_topic_arns
  tags               = local.tags
  dimensions         = { AutoScalingGroupName = aws_autoscaling_group.collector.name }
}

resource "aws_cloudwatch_metric_alarm" "nats" {
  for_each = local.nats

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "A server of NATS fails its status checks: with another one, no block is taken."
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 3
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
  dimensions          = { InstanceId = aws_instance.nats[each.key].id }
}
