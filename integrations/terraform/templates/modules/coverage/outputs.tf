output "policy_json" {
  description = "What the collectors may do, for roles that are made elsewhere."
  value       = jsonencode(local.policy)
}
