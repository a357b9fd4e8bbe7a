output "endpoint_id" {
  description = "The link; the owner of the service accepts it by this id, where links must be accepted."
  value       = aws_vpc_endpoint.this.id
}

output "security_group_id" {
  description = "Who may use the link."
  value       = aws_security_group.this.id
}
