variable "name" {
  description = "Name of what is made, and its prefix."
  type        = string
  default     = "hosttrail-link"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z][a-zA-Z0-9-]{2,39}$", var.name))
    error_message = "name must begin with a letter and have 3 to 40 letters, digits and hyphens."
  }
}

variable "service_name" {
  description = "The collectors' endpoint service: private_link_service_name of the module collector."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^com\\.amazonaws\\.vpce\\.[a-z0-9-]+\\.vpce-svc-[0-9a-f]{8,17}$", var.service_name))
    error_message = "service_name must be like com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0."
  }
}

variable "dns_name" {
  description = "The collectors' name, as it is in their certificate and in the fleet spec."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.dns_name))
    error_message = "dns_name must be a whole name in lower case, like collector.example.org."
  }
}

variable "dns" {
  description = "Where the name comes from: a zone of this VPC's own, or the service, whose owner has proved that the name is theirs (private_link_dns_name of the module collector)."
  type        = string
  default     = "zone"
  nullable    = false

  validation {
    condition     = contains(["zone", "service"], var.dns)
    error_message = "dns must be zone or service."
  }
}

variable "vpc_id" {
  description = "VPC of the hosts."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "vpc_id must be the id of a VPC, like vpc-0123456789abcdef0."
  }
}

variable "subnet_ids" {
  description = "Subnets that get an address of the link, one a zone: two zones at least, so that one may fail."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(distinct(var.subnet_ids)) >= 2
    error_message = "subnet_ids must be two subnets at least, each another one."
  }
}

variable "agent_cidr_blocks" {
  description = "Networks of the hosts: they reach the ports for blocks and enrolment."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.agent_cidr_blocks) >= 1 && alltrue([for block in var.agent_cidr_blocks : can(cidrhost(block, 0)) && block != "0.0.0.0/0"])
    error_message = "agent_cidr_blocks must be CIDR blocks, like 10.0.0.0/16, and not the whole Internet."
  }
}

variable "client_cidr_blocks" {
  description = "Networks of those who ask; none: the port for questions is not reached from here."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for block in var.client_cidr_blocks : can(cidrhost(block, 0)) && block != "0.0.0.0/0"])
    error_message = "client_cidr_blocks must be CIDR blocks, and not the whole Internet."
  }
}

variable "tags" {
  description = "Tags of what is made."
  type        = map(string)
  default     = {}
  nullable    = false
}
