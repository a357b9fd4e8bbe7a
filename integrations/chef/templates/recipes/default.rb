#
# Cookbook:: hosttrail
# Recipe:: default
#
# The agent as the fleet spec says.

hosttrail_agent 'default'
