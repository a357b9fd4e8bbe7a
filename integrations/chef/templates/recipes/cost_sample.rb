#
# Cookbook:: hosttrail
# Recipe:: cost_sample
#
# Before the rollout: counts what the audit rules of the spec would make, and leaves the host as it was.

hosttrail_cost_sample node.name do
  action node['hosttrail']['cost_sample']['state'] == 'absent' ? :delete : :create
end
