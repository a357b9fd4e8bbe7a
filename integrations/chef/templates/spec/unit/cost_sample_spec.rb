require 'spec_helper'

describe 'hosttrail_cost_sample' do
  step_into :hosttrail_cost_sample
  platform 'debian', '12'

  # What is on the host, and what it answers to the resource's questions.
  let(:present) { [] }
  let(:brought) { nil }
  let(:installed) { '' }
  let(:active) { [] }
  let(:container) { nil }
  let(:counted) { double(error?: false, stdout: '', stderr: '') }
  let(:commands) { [] }
  let(:folder) { '/var/lib/hosttrail-cost-sample' }

  def answer(ok, text = '')
    double(error?: !ok, stdout: text, stderr: text)
  end

  before do
    allow(File).to receive(:exist?).and_call_original
    allow(File).to receive(:exist?).with(%r{\A(/etc|/var/lib|/run)/.*hosttrail}) { |path| present.include?(path) }
    allow(File).to receive(:readlines).and_call_original
    allow(File).to receive(:readlines).with("#{folder}/brought", chomp: true) { brought }
    allow_any_instance_of(Chef::Provider).to receive(:shell_out) do |_, *command, **_options|
      line = command.join(' ')
      commands << line
      case line
      when /dpkg-query/ then answer(true, installed)
      when /is-active --quiet (\S+)/ then answer(active.include?(Regexp.last_match(1)))
      when /detect-virt/ then answer(!container.nil?, container.to_s)
      when /systemctl stop/ then answer(true)
      when /systemd-run/ then counted
      else raise "not expected: #{line}"
      end
    end
  end

  def converged(sample = {}, agent = {})
    runner = ChefSpec::SoloRunner.new(chef_runner_options)
    sample.each { |name, value| runner.node.override['hosttrail']['cost_sample'][name.to_s] = value }
    agent.each { |name, value| runner.node.override['hosttrail']['agent'][name.to_s] = value }
    runner.converge('hosttrail::cost_sample')
  end

  def count_command
    commands.find { |line| line.include?('cost sample') }
  end

  it 'counts by the rules of the spec, and takes the package away again' do
    run = converged({ minutes: 3 }, rule_sets: %w(baseline), own_rules: "-w /x -p w\n")
    expect(run).to create_directory("#{folder}/").with(mode: '0700', owner: 'root')
    expect(run).to create_file("#{folder}/own.rules").with(content: "-w /x -p w\n", mode: '0600')
    expect(run).to install_package_hosttrail_agent('the package alone')
    expect(count_command).to end_with("--minutes=3 --rules=/usr/share/hosttrail-agent/rules/baseline.rules --rules=#{folder}/own.rules")
    expect(run).to remove_package_hosttrail_agent('the package alone')
    %w(/etc/hosttrail-agent /var/lib/hosttrail-agent).each { |path| expect(run).to delete_directory(path) }
    %w(own.rules brought).each { |name| expect(run).to delete_file("#{folder}/#{name}") }
  end

  context 'where counting fails' do
    let(:counted) { double(error?: true, stdout: '', stderr: "hosttrail-agent: audit is locked\n") }

    it 'says why, and takes all away again' do
      expect { converged }.to raise_error(/hosttrail_cost_sample: hosttrail-agent: audit is locked/)
      expect(commands.last).to eq('systemctl stop hosttrail-cost-sample.service')
    end
  end

  context 'where the agent runs' do
    let(:installed) { '9.8.7' }
    let(:active) { ['hosttrail-agent.service'] }
    let(:present) { %w(/etc/hosttrail-agent /var/lib/hosttrail-agent /etc/hosttrail-agent/agent.yaml) }

    it 'counts by its rules, and brings and takes nothing' do
      run = converged
      expect(count_command).to end_with('--minutes=10')
      expect(run).not_to install_package_hosttrail_agent('the package alone')
      expect(run).not_to remove_package_hosttrail_agent('the package alone')
      expect(run).not_to delete_directory('/etc/hosttrail-agent')
    end
  end

  context 'with a sample' do
    let(:present) { ["#{folder}/sample.json"] }

    it 'counts no more, and takes it away where it is asked to' do
      converged
      expect(count_command).to be_nil
      expect(converged(state: 'absent')).to delete_directory("#{folder}/").with(recursive: true)
    end
  end

  context 'where a run was cut off' do
    let(:installed) { '9.8.7' }
    let(:brought) { %w(/etc/hosttrail-agent /var/lib/hosttrail-agent /etc/passwd) }
    let(:present) { ["#{folder}/sample.json", "#{folder}/brought", '/etc/hosttrail-agent', '/var/lib/hosttrail-agent'] }

    it 'takes away what that one has left, and nothing else' do
      run = converged
      expect(count_command).to be_nil
      expect(run).to remove_package_hosttrail_agent('the package alone')
      expect(run).to delete_directory('/var/lib/hosttrail-agent')
      expect(run).not_to delete_file('/etc/passwd')
    end

    it 'leaves the package where the agent was configured meanwhile' do
      present << '/etc/hosttrail-agent/agent.yaml'
      run = converged
      expect(run).not_to remove_package_hosttrail_agent('the package alone')
      expect(run).to delete_file("#{folder}/brought")
    end
  end

  context 'in a container' do
    let(:container) { 'docker' }

    it 'refuses, but for a log' do
      expect { converged }.to raise_error(/this is a container \(docker\).* Nothing was changed/)
      converged(log: '/var/log/audit/audit.log')
      expect(count_command).to end_with('--log=/var/log/audit/audit.log')
    end
  end

  context 'where auditd runs' do
    let(:active) { ['auditd.service'] }

    it 'refuses, but where that is allowed, or no rules are loaded' do
      expect { converged }.to raise_error(/auditd runs here .* Nothing was changed/)
      converged(beside_daemon: true)
      expect(count_command).to end_with('--beside-daemon')
      expect { converged({}, rules_manage: 'never') }.not_to raise_error
    end
  end

  context 'where a sample runs' do
    let(:active) { ['hosttrail-cost-sample.service'] }

    it 'refuses' do
      expect { converged }.to raise_error(/a sample runs here already .* Nothing was changed/)
    end
  end

  context 'with something of the agent and no package' do
    let(:present) { %w(/etc/hosttrail-agent) }

    it 'refuses' do
      expect { converged }.to raise_error(%r{/etc/hosttrail-agent is there.* Nothing was changed})
    end
  end

  it 'refuses minutes that are not allowed' do
    expect { converged(minutes: 0) }.to raise_error(Chef::Exceptions::ValidationFailed, /allowed are whole minutes from 1 to 1440/)
  end
end
