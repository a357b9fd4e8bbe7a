# The module eks-nodes on a provider that asks nobody.
mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
  }
}

variables {
  cluster_name = "shop"
  subnet_ids   = ["subnet-a", "subnet-b"]
}

run "nodes_for_the_daemonset" {
  command = apply

  module {
    source = "./modules/eks-nodes"
  }

  assert {
    condition     = aws_launch_template.node.metadata_options[0].http_tokens == "required" && aws_launch_template.node.metadata_options[0].http_put_response_hop_limit == 1 && aws_launch_template.node.metadata_options[0].instance_metadata_tags == "enabled"
    error_message = "nodes must take IMDSv2 alone, give pods none of it, and show their tags"
  }
  assert {
    condition     = aws_launch_template.node.user_data == null && length(aws_iam_role_policy.agent) == 0
    error_message = "without the package there must be nothing of it on nodes"
  }
  assert {
    condition     = aws_launch_template.node.block_device_mappings[0].ebs[0].encrypted == "true"
    error_message = "disks must be encrypted"
  }
}

run "nodes_with_the_package" {
  command = apply

  module {
    source = "./modules/eks-nodes"
  }
  variables {
    agent_script               = "#!/bin/sh\necho hello\n"
    agent_instance_policy_json = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"ssm:GetParameter\"],\"Resource\":[\"arn:aws:ssm:*:*:parameter/x\"]}]}"
  }

  assert {
    condition     = startswith(base64decode(aws_launch_template.node.user_data), "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=") && strcontains(base64decode(aws_launch_template.node.user_data), base64gzip("#!/bin/sh\necho hello\n"))
    error_message = "user data must be a part of many, as EKS puts its own beside it, with the script packed in it"
  }
  assert {
    condition     = length(aws_iam_role_policy.agent) == 1
    error_message = "nodes must be allowed what the agent's module asks for"
  }
}

run "user_data_beyond_the_bound_is_refused" {
  command = plan

  module {
    source = "./modules/eks-nodes"
  }
  variables {
    agent_script = "#!/bin/sh\n${join("\n", [for number in range(300) : "# ${sha512(tostring(number))}"])}"
  }
  expect_failures = [aws_launch_template.node]
}

run "refuses_agent_script" {
  command = plan

  module {
    source = "./modules/eks-nodes"
  }
  variables {
    agent_script = "H4sIAAAAAAAA"
  }
  expect_failures = [var.agent_script]
}

run "refuses_ami_type" {
  command = plan

  module {
    source = "./modules/eks-nodes"
  }
  variables {
    ami_type = "BOTTLEROCKET_x86_64"
  }
  expect_failures = [var.ami_type]
}

run "refuses_capacity_type" {
  command = plan

  module {
    source = "./modules/eks-nodes"
  }
  variables {
    capacity_type = "CHEAP"
  }
  expect_failures = [var.capacity_type]
}

run "sizes" {
  command = plan

  module {
    source = "./modules/eks-nodes"
  }
  variables {
    min_size = 5
    max_size = 4
  }
  expect_failures = [aws_eks_node_group.this]
}
