# Collectors of one's own, the agent on what is there already, and what its role must be allowed.
module "collector" {
  source = "../../modules/collector"

  vpc_id             = "vpc-0123456789abcdef0"
  subnet_ids         = ["subnet-00000000000000001", "subnet-00000000000000002", "subnet-00000000000000003"]
  agent_cidr_blocks  = ["10.0.0.0/8"]
  client_cidr_blocks = ["10.1.0.0/16"]
  ami_id             = "ami-0123456789abcdef0"
  collector_version  = "0.1.0"
  nats_version       = "2.11.4"
  secret_arns = {
    tls           = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:hosttrail/tls-AbCdEf"
    ca            = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:hosttrail/ca-AbCdEf"
    mongodb_url   = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:hosttrail/mongodb-url-AbCdEf"
    nats_password = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:hosttrail/nats-password-AbCdEf"
  }
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:oncall"]
}

module "agent" {
  source = "../../modules/agent"

  agent_labels = { env = "production" }
  ssm_targets  = [{ key = "tag:Hosttrail", values = ["yes"] }]
}

resource "aws_iam_policy" "agent" {
  name   = "hosttrail-agent"
  policy = module.agent.instance_policy_json
}
