variable "name" {
  description = "Name of what is made, and its prefix."
  type        = string
  default     = "hosttrail-instance"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{3,26}$", var.name))
    error_message = "name must be 3 to 26 letters, digits, dots, hyphens and underscores."
  }
}

variable "autoscaling_group_names" {
  description = "Auto Scaling groups whose instances have the agent and the SSM agent."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.autoscaling_group_names) >= 1 && length(var.autoscaling_group_names) <= 50 && alltrue([for name in var.autoscaling_group_names : can(regex("^[^\\s*?/:]{1,255}$", name))])
    error_message = "autoscaling_group_names must be 1 to 50 names of groups, without spaces and the signs * ? / and :."
  }
}

variable "ship_timeout_seconds" {
  description = "Time in which an instance must have shipped what it has; after it the group goes on, and the collector tells what it does not know."
  type        = number
  default     = 120
  nullable    = false

  validation {
    condition     = var.ship_timeout_seconds >= 10 && var.ship_timeout_seconds <= 3600
    error_message = "ship_timeout_seconds must be 10 to 3600."
  }
}

variable "heartbeat_timeout_seconds" {
  description = "Time after which a group goes on though nobody told it to."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.heartbeat_timeout_seconds >= 30 && var.heartbeat_timeout_seconds <= 7200
    error_message = "heartbeat_timeout_seconds must be 30 to 7200, as Auto Scaling allows."
  }
}

variable "tags" {
  description = "Tags of what is made."
  type        = map(string)
  default     = {}
  nullable    = false
}
