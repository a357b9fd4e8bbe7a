require 'spec_helper'

describe 'hosttrail::default' do
  platform 'debian', '12'

  it 'brings the agent on' do
    expect(chef_run).to install_hosttrail_agent('default')
  end
end

describe 'hosttrail::verify' do
  platform 'debian', '12'

  it 'changes nothing but proves that events arrive' do
    expect(chef_run).to verify_hosttrail_agent('default')
  end
end

describe 'hosttrail::uninstall' do
  platform 'debian', '12'

  it 'takes the agent off' do
    expect(chef_run).to uninstall_hosttrail_agent('default')
  end
end

describe 'hosttrail::cost_sample' do
  platform 'debian', '12'

  it 'counts under the name of the node' do
    expect(chef_run).to create_hosttrail_cost_sample(chef_run.node.name)
  end
end
