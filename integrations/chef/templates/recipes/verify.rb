#
# Cookbook:: hosttrail
# Recipe:: verify
#
# Changes nothing: the host proves that its events arrive.

hosttrail_agent 'default' do
  action :verify
end
