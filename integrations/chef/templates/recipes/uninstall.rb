#
# Cookbook:: hosttrail
# Recipe:: uninstall
#
# Takes the agent off. Its events stay in the collector.

hosttrail_agent 'default' do
  action :uninstall
end
