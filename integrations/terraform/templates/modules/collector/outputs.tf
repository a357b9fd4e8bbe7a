output "endpoint" {
  description = "Where agents send blocks: collector.endpoints of the fleet spec, by a DNS name of yours that is in the certificate."
  value       = "${aws_lb.this.dns_name}:${local.ports.ingest}"
}

output "enroll_endpoint" {
  description = "Where hosts enrol: collector.enroll_endpoints of the fleet spec."
  value       = "${aws_lb.this.dns_name}:${local.ports.enroll}"
}

output "query_endpoint" {
  description = "Where people ask: endpoint of their profile."
  value       = "${aws_lb.this.dns_name}:${local.ports.query}"
}

output "console_url" {
  description = "Where browsers find the console; empty where its port is open to nobody."
  value       = var.console_url
}

output "dns_name" {
  description = "The balancer's name, for a record of yours."
  value       = aws_lb.this.dns_name
}

output "zone_id" {
  description = "The balancer's zone, for an alias record of yours."
  value       = aws_lb.this.zone_id
}

output "private_link_service_name" {
  description = "service_name of the module private-link; null where nobody may make a link."
  value       = one(aws_vpc_endpoint_service.this[*].service_name)
}

output "private_link_dns_proof" {
  description = "Record by which AWS sees that private_link_dns_name is yours: name, type, value and state. Empty without that name."
  value       = flatten(aws_vpc_endpoint_service.this[*].private_dns_name_configuration)
}

output "ca_secret_arn" {
  description = "Secret whose key certificate is what hosts must trust (collector.ca_file of the fleet spec)."
  value       = var.secret_arns.ca
}

output "enrollment_command" {
  description = "Makes an enrolment token, into a file."
  value       = "hosttrail token create --hosts 100 --ttl 1h --output token"
}

output "verify_command" {
  description = "Proves, on a host, that its events arrive."
  value       = "hosttrail-agent verify"
}

output "autoscaling_group_name" {
  description = "Group of the collectors."
  value       = aws_autoscaling_group.collector.name
}

output "collector_role_name" {
  description = "Role of the collectors' instances, for policies of yours: that of the module coverage, say."
  value       = aws_iam_role.this["collector"].name
}

output "collector_role_arn" {
  description = "The same, for roles that trust it: that of the module coverage-role, say."
  value       = aws_iam_role.this["collector"].arn
}
