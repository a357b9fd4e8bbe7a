# Packer 1.7 and newer fetch this by `packer init`; older ones have it built in and want this file away.
packer {
  required_plugins {
    amazon = {
      version = ">= 1.2.0"
      source  = "github.com/hashicorp/amazon"
    }
  }
}
