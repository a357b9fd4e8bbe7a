output "node_group_name" {
  description = "The node group."
  value       = aws_eks_node_group.this.node_group_name
}

output "node_role_arn" {
  description = "Role of the nodes, for the cluster's access entries."
  value       = aws_iam_role.node.arn
}
