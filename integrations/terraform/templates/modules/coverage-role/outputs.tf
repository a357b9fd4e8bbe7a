output "role_arn" {
  description = "The role that collectors assume."
  value       = aws_iam_role.this.arn
}
