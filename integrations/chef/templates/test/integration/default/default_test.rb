# InSpec: what a host with the agent is like.

describe package('hosttrail-agent') do
  it { should be_installed }
end

describe service('hosttrail-agent') do
  it { should be_enabled }
  it { should be_running }
end

describe file('/etc/hosttrail-agent/agent.yaml') do
  its('owner') { should eq 'root' }
  its('mode') { should cmp '0600' }
end

describe file('/var/lib/hosttrail-agent/enrollment-token') do
  it { should_not exist }
end

describe command('hosttrail-agent verify --timeout 60') do
  its('exit_status') { should eq 0 }
end
