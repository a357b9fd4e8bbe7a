variable "name" {
  description = "Name of what is made, and its prefix."
  type        = string
  default     = "hosttrail-nodes"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z][a-zA-Z0-9-]{2,29}$", var.name))
    error_message = "name must begin with a letter and have 3 to 30 letters, digits and hyphens."
  }
}

variable "cluster_name" {
  description = "The EKS cluster."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Subnets of the nodes."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "subnet_ids must be one subnet at least."
  }
}

variable "agent_script" {
  description = "The agent as a package on each node: cloud_init_part.content of the module agent. Empty where the DaemonSet brings it: never both."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.agent_script == "" || startswith(var.agent_script, "#!/bin/sh\n")
    error_message = "agent_script must be cloud_init_part.content of the module agent, or empty."
  }
}

variable "agent_instance_policy_json" {
  description = "instance_policy_json of the module agent."
  type        = string
  default     = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
  nullable    = false

  validation {
    condition     = can(jsondecode(var.agent_instance_policy_json).Statement)
    error_message = "agent_instance_policy_json must be a policy, as instance_policy_json of the module agent is."
  }
}

variable "ami_type" {
  description = "Kind of the nodes' image. Not Bottlerocket, whose audit is closed to packages: there take the DaemonSet and nodes of your own."
  type        = string
  default     = "AL2023_x86_64_STANDARD"
  nullable    = false

  validation {
    condition     = contains(["AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD"], var.ami_type)
    error_message = "ami_type must be AL2023_x86_64_STANDARD or AL2023_ARM_64_STANDARD."
  }
}

variable "capacity_type" {
  description = "ON_DEMAND or SPOT."
  type        = string
  default     = "ON_DEMAND"
  nullable    = false

  validation {
    condition     = contains(["ON_DEMAND", "SPOT"], var.capacity_type)
    error_message = "capacity_type must be ON_DEMAND or SPOT."
  }
}

variable "instance_types" {
  description = "Types of the nodes' instances."
  type        = list(string)
  default     = ["m7i.large"]
  nullable    = false
}

variable "volume_gib" {
  description = "Disk of each node; the agent's spool is on it."
  type        = number
  default     = 40
  nullable    = false

  validation {
    condition     = var.volume_gib >= 20 && var.volume_gib <= 16384
    error_message = "volume_gib must be 20 to 16384."
  }
}

variable "min_size" {
  description = "Nodes at least."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.min_size >= 0 && var.min_size <= 1000
    error_message = "min_size must be 0 to 1000."
  }
}

variable "max_size" {
  description = "Nodes at most."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.max_size >= 1 && var.max_size <= 1000
    error_message = "max_size must be 1 to 1000."
  }
}

variable "max_unavailable_percentage" {
  description = "Nodes that are replaced at once where a new version of the template rolls through."
  type        = number
  default     = 25
  nullable    = false

  validation {
    condition     = var.max_unavailable_percentage >= 1 && var.max_unavailable_percentage <= 100
    error_message = "max_unavailable_percentage must be 1 to 100."
  }
}

variable "labels" {
  description = "Labels of the nodes in Kubernetes."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "tags" {
  description = "Tags of what is made; the agent sees those of its instance."
  type        = map(string)
  default     = {}
  nullable    = false
}
