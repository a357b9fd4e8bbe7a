output "hook_name" {
  description = "Name of the lifecycle hook in each group."
  value       = local.hook
}

output "automation_name" {
  description = "The SSM automation that each end starts: aws ssm describe-automation-executions shows how they went."
  value       = aws_ssm_document.end.name
}
