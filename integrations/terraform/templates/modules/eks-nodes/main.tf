# Nodes of an EKS cluster that audit from their first moment on: the agent as a package by user data, or room for the DaemonSet's.
data "aws_partition" "this" {}

locals {
  managed = ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly", "AmazonSSMManagedInstanceCore"]
  # EKS puts its own part beside ours, so that ours must be a part of many and not packed as a whole; the script in it is.
  part = var.agent_script == "" ? "" : templatefile("${path.module}/part.tftpl", {
    boundary = "==HOSTTRAIL=="
    packed   = base64gzip(var.agent_script)
  })
}

resource "aws_iam_role" "node" {
  name_prefix = "${var.name}-"
  tags        = var.tags
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = toset(local.managed)

  role       = aws_iam_role.node.name
  policy_arn = "arn:${data.aws_partition.this.partition}:iam::aws:policy/${each.value}"
}

# What the agent's module asks for: reading the enrolment token, or nothing where instances prove what they are.
resource "aws_iam_role_policy" "agent" {
  count = length(jsondecode(var.agent_instance_policy_json).Statement) > 0 ? 1 : 0

  name   = "hosttrail-agent"
  role   = aws_iam_role.node.id
  policy = var.agent_instance_policy_json
}

resource "aws_launch_template" "node" {
  name_prefix = "${var.name}-"
  user_data   = local.part == "" ? null : base64encode(local.part)
  tags        = var.tags

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
    # One: pods in networks of their own get no credentials of the node. The agent's are in the node's network.
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "enabled"
  }
  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = var.volume_gib
      encrypted             = true
      delete_on_termination = true
    }
  }
  tag_specifications {
    resource_type = "instance"
    tags          = merge(var.tags, { Name = var.name })
  }
  tag_specifications {
    resource_type = "volume"
    tags          = var.tags
  }

  lifecycle {
    create_before_destroy = true

    # EC2 takes 16 KiB, and EKS adds a part of its own.
    precondition {
      condition     = length(local.part) <= 14336
      error_message = "The user data is larger than EC2 takes beside that of EKS (14 KiB): have fewer own rules, or take the DaemonSet."
    }
  }
}

resource "aws_eks_node_group" "this" {
  cluster_name           = var.cluster_name
  node_group_name_prefix = "${var.name}-"
  node_role_arn          = aws_iam_role.node.arn
  subnet_ids             = var.subnet_ids
  ami_type               = var.ami_type
  capacity_type          = var.capacity_type
  instance_types         = var.instance_types
  labels                 = var.labels
  tags                   = var.tags

  launch_template {
    id      = aws_launch_template.node.id
    version = aws_launch_template.node.latest_version
  }
  scaling_config {
    min_size     = var.min_size
    max_size     = var.max_size
    desired_size = var.min_size
  }
  update_config {
    max_unavailable_percentage = var.max_unavailable_percentage
  }

  lifecycle {
    create_before_destroy = true
    # Scaling decides it.
    ignore_changes = [scaling_config[0].desired_size]

    precondition {
      condition     = var.max_size >= var.min_size
      error_message = "max_size must not be less than min_size."
    }
  }

  # Else nodes lose their rights before they are gone.
  depends_on = [aws_iam_role_policy_attachment.node, aws_iam_role_policy.agent]
}
