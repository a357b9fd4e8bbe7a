variable "role_name" {
  description = "Name of the role, as coverage.aws.role_name of the collector has it."
  type        = string
  default     = "hosttrail-coverage"
  nullable    = false

  validation {
    condition     = can(regex("^[\\w+=,.@-]{1,64}$", var.role_name))
    error_message = "role_name must have 1 to 64 letters, digits and the signs +=,.@_-."
  }
}

variable "collector_role_arns" {
  description = "Roles of the collectors' instances: they alone may assume this one."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.collector_role_arns) > 0 && alltrue([for arn in var.collector_role_arns : can(regex("^arn:[a-z-]+:iam::\\d{12}:role/[\\w+=,.@/-]+$", arn))])
    error_message = "collector_role_arns must be ARNs of roles, one at least: no account as a whole, and no star."
  }
}

variable "external_id" {
  description = "What a collector must tell to assume the role: coverage.aws.external_id. One of its own for each Hosttrail; no secret."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[\\w+=,.@:/-]+$", var.external_id)) && length(var.external_id) >= 8 && length(var.external_id) <= 1224
    error_message = "external_id must have 8 to 1224 letters, digits and the signs +=,.@:/_-."
  }
}

variable "tags" {
  description = "Tags of the role."
  type        = map(string)
  default     = {}
  nullable    = false
}
