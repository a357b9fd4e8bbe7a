# Three servers of NATS in three zones. Address and disk of each outlive its instance.
locals {
  nats = { for index in range(3) : "nats-${index + 1}" => var.subnet_ids[index] }
}

resource "aws_network_interface" "nats" {
  for_each = local.nats

  subnet_id       = each.value
  security_groups = [aws_security_group.nats.id]
  tags            = merge(local.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_ebs_volume" "nats" {
  for_each = local.nats

  availability_zone = data.aws_subnet.this[each.value].availability_zone
  size              = var.nats_volume_gib
  type              = "gp3"
  encrypted         = true
  kms_key_id        = local.kms_key_arn
  tags              = merge(local.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_instance" "nats" {
  for_each = local.nats

  ami                         = var.ami_id
  instance_type               = var.nats_instance_type
  iam_instance_profile        = aws_iam_instance_profile.nats.name
  user_data_replace_on_change = true
  tags                        = merge(local.tags, { Name = "${var.name}-${each.key}" })
  user_data_base64 = base64gzip(templatefile("${path.module}/nats.sh.tftpl", {
    server_name      = each.key
    region           = data.aws_region.this.name
    version          = var.nats_version
    artifact_url     = var.artifact_url
    sha256           = var.nats_sha256
    password_secret  = var.secret_arns.nats_password
    routes           = [for interface in aws_network_interface.nats : interface.private_ip]
    stream_bytes_max = var.nats_stream_bytes_max
    volume_id        = aws_ebs_volume.nats[each.key].id
  }))

  network_interface {
    device_index         = 0
    network_interface_id = aws_network_interface.nats[each.key].id
  }
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  root_block_device {
    volume_type = "gp3"
    volume_size = 20
    encrypted   = true
    kms_key_id  = local.kms_key_arn
  }

  lifecycle {
    postcondition {
      condition     = self.metadata_options[0].http_tokens == "required"
      error_message = "Instances must take IMDSv2 alone."
    }
  }
}

resource "aws_volume_attachment" "nats" {
  for_each = local.nats

  device_name                    = "/dev/sdf"
  volume_id                      = aws_ebs_volume.nats[each.key].id
  instance_id                    = aws_instance.nats[each.key].id
  stop_instance_before_detaching = true
}
