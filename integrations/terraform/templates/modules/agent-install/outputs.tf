output "agent_yaml" {
  description = "The agent's configuration."
  value       = local.agent_yaml
}

output "script" {
  description = "Shell script: preflight, install [PACKAGE], configure [TOKEN_FILE], verify, uninstall."
  value       = local.script
}

output "version" {
  description = "Version of the agent's package."
  value       = var.agent_version
}

output "package_files" {
  description = "Names of the package's files, by format and architecture."
  value = {
    deb = { for name, arch in { x64 = "amd64", arm64 = "arm64" } : name => "hosttrail-agent_${replace(var.agent_version, "-", "~")}_${arch}.deb" }
    rpm = { for name, arch in { x64 = "x86_64", arm64 = "aarch64" } : name => "hosttrail-agent-${replace(var.agent_version, "-", "~")}-1.${arch}.rpm" }
  }
}
