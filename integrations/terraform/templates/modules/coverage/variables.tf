variable "collector_role_name" {
  description = "Role of the collectors' instances, as the module collector gives it out."
  type        = string
  nullable    = false
}

variable "role_name" {
  description = "Role that is assumed in each account, as the module coverage-role makes it."
  type        = string
  default     = "hosttrail-coverage"
  nullable    = false

  validation {
    condition     = can(regex("^[\\w+=,.@-]{1,64}$", var.role_name))
    error_message = "role_name must have 1 to 64 letters, digits and the signs +=,.@_-."
  }
}

variable "accounts" {
  description = "Accounts in which the role may be assumed; none: in any that has it and lets the collectors in."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for account in var.accounts : can(regex("^\\d{12}$", account))])
    error_message = "accounts must have twelve digits each."
  }
}

variable "organization" {
  description = "Whether the collectors list the accounts of the organisation (coverage.aws.organization)."
  type        = bool
  default     = false
  nullable    = false
}
