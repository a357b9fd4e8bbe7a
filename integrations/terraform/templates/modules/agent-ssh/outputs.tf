output "verify_command" {
  description = "Proves, on a host, that its events arrive."
  value       = "hosttrail-agent verify"
}

output "agent_version" {
  description = "Version of the agent on these hosts."
  value       = var.agent_version
}
