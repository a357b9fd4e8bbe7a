# The agent on new instances of a launch template, and nothing else.
module "agent" {
  source = "../../modules/agent"
}

resource "aws_launch_template" "app" {
  name_prefix   = "app-"
  image_id      = "ami-0123456789abcdef0"
  instance_type = "t4g.small"
  user_data     = module.agent.user_data_base64

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
}
