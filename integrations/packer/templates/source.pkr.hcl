# An example for AWS: any other source will do as well; its name stands in agent.pkr.hcl.

variable "region" {
  type        = string
  description = "Where the image is made."
}

variable "source_ami" {
  type        = string
  description = "The image that this one is made of, by its id."
}

variable "instance_type" {
  type        = string
  description = "Of the instance that makes the image."
  default     = "t3.small"
}

variable "ssh_username" {
  type        = string
  description = "Who logs in there; may become root by sudo."
  default     = "admin"
}

source "amazon-ebs" "hosttrail" {
  region        = var.region
  source_ami    = var.source_ami
  instance_type = var.instance_type
  ssh_username  = var.ssh_username
  ami_name      = "hosttrail-agent-{{timestamp}}"

  # With Packer 1.7 and newer also: imds_support = "v2.0", so that hosts of the image ask for their metadata by a token alone.
}
