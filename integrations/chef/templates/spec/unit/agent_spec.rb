require 'spec_helper'
require 'digest'
require 'tmpdir'

describe 'hosttrail_agent' do
  step_into :hosttrail_agent, :hosttrail_rules
  platform 'debian', '12'

  # What the host answers to the resource's questions.
  let(:installed) { '' }
  let(:active) { [] }
  let(:container) { nil }
  let(:enrolled) { false }
  let(:proof) { double(error?: false, stdout: 'stored', stderr: '') }
  let(:free_mib) { 9000 }
  let(:folder) { Dir.mktmpdir }
  let(:package) { File.join(folder, 'hosttrail-agent_9.8.7_amd64.deb') }
  let(:content) { 'a package' }
  let(:sum) { Digest::SHA256.hexdigest('a package') }

  def answer(ok, text = '')
    double(error?: !ok, stdout: text, stderr: text)
  end

  def reached(reachable)
    allow(Socket).to receive(:tcp) { reachable ? nil : raise(Errno::ECONNREFUSED) }
  end

  before do
    File.write(package, content)
    reached(true)
    allow(File).to receive(:directory?).and_call_original
    allow(File).to receive(:directory?).with('/run/systemd/system').and_return(true)
    allow(File).to receive(:exist?).and_call_original
    allow(File).to receive(:exist?).with('/usr/bin/hosttrail-agent').and_return(false)
    allow(File).to receive(:exist?).with('/var/lib/hosttrail-agent/identity/host.crt').and_return(enrolled)
    allow(File).to receive(:writable?).and_return(true)
    allow_any_instance_of(Chef::Provider).to receive(:shell_out) do |_, *command, **_options|
      line = command.join(' ')
      case line
      when /dpkg-query/ then answer(true, installed)
      when /is-active --quiet (\S+)/ then answer(active.include?(Regexp.last_match(1)))
      when /detect-virt/ then answer(!container.nil?, container.to_s)
      when /verify/ then proof
      else raise "not expected: #{line}"
      end
    end
    allow_any_instance_of(Chef::Provider).to receive(:shell_out!) { answer(true, "Avail\n#{free_mib}M\n") }
  end

  after { FileUtils.rm_rf(folder) }

  def converged(**changes)
    values = {
      version: '9.8.7',
      artifact_source: 'file',
      artifact_directory: folder,
      artifact_sha256: { 'deb' => { 'x64' => sum } },
    }.merge(changes)
    # A runner of its own each time: an example may converge more than once.
    runner = ChefSpec::SoloRunner.new(chef_runner_options)
    runner.node.run_state['hosttrail_enrollment_token'] = 'secret'
    values.each { |name, value| runner.node.override['hosttrail']['agent'][name.to_s] = value }
    runner.converge('hosttrail::default')
  end

  it 'installs the version of the spec, configures it and runs it' do
    run = converged
    expect(run).to install_dpkg_package('hosttrail-agent').with(version: '9.8.7', source: package)
    expect(run).to create_template('/etc/hosttrail-agent/agent.yaml').with(mode: '0600', owner: 'root')
    expect(run).to create_file('/etc/hosttrail-agent/ca.pem').with(mode: '0644')
    expect(run).to render_file('/etc/hosttrail-agent/spec').with_content(/^\S+@[0-9a-f]{12}$/)
    expect(run).to enable_service('hosttrail-agent')
    expect(run).to start_service('hosttrail-agent')
  end

  it 'writes values as JSON without spaces, keys in order' do
    expect(converged(labels: { 'b' => '2', 'a' => '1' })).to render_file('/etc/hosttrail-agent/agent.yaml')
      .with_content(/^labels: {"a":"1","b":"2"[^ ]*}$/)
    expect(converged(redaction_patterns: ['<x>&'])).to render_file('/etc/hosttrail-agent/agent.yaml')
      .with_content(/^  patterns: \["<x>&"\]$/)
  end

  it 'gives the host its token, for root alone, and shows it nobody' do
    expect(converged).to create_file('/var/lib/hosttrail-agent/enrollment-token')
      .with(content: 'secret', mode: '0600', sensitive: true, backup: false)
  end

  context 'with the version installed and the host enrolled' do
    let(:installed) { '9.8.7' }
    let(:enrolled) { true }

    it 'installs nothing and gives no token' do
      run = converged
      expect(run).not_to install_dpkg_package('hosttrail-agent')
      expect(run).not_to create_file('/var/lib/hosttrail-agent/enrollment-token')
    end
  end

  context 'with the agent running' do
    let(:installed) { '9.8.7' }
    let(:enrolled) { true }
    let(:active) { ['hosttrail-agent.service'] }

    it 'restarts it when its configuration changes, and not when it does not' do
      expect(converged).not_to restart_service('hosttrail-agent')
      # ChefSpec changes nothing, so it is told that something was changed.
      allow_any_instance_of(Chef::Resource::Template).to receive(:updated_by_last_action?).and_return(true)
      expect(converged).to restart_service('hosttrail-agent')
    end
  end

  it 'brings own rules as a file of the fleet, and takes it away where there are none' do
    expect(converged(own_rules: "-w /x -p w\n")).to create_hosttrail_rules('fleet').with(content: "-w /x -p w\n")
    expect(converged(own_rules: '')).to delete_hosttrail_rules('fleet')
  end

  it 'starts nothing for a golden image' do
    run = converged(golden_image: true)
    expect(run).to enable_service('hosttrail-agent')
    expect(run).not_to start_service('hosttrail-agent')
    expect(run).not_to create_file('/var/lib/hosttrail-agent/enrollment-token')
  end

  it 'sets and removes the proxy' do
    path = '/etc/systemd/system/hosttrail-agent.service.d/proxy.conf'
    expect(converged(proxy: 'http://proxy:3128')).to create_file(path).with(content: %r{grpc_proxy=http://proxy:3128})
    expect(converged).to delete_file(path)
  end

  context 'where the kernel shall be started with audit=1' do
    let(:set) { { audit_mode: 'auto', kernel_command_line: 'set', backlog_limit: 8192 } }
    let(:cfg) { '/etc/default/grub.d/hosttrail.cfg' }
    let(:menu) { '/boot/grub/grub.cfg' }

    def boot_loader(grub, menu_text)
      allow(File).to receive(:directory?).with('/etc/default/grub.d').and_return(grub)
      allow(File).to receive(:exist?).with(menu).and_return(!menu_text.nil?)
      allow(File).to receive(:read).and_call_original
      allow(File).to receive(:read).with(menu).and_return(menu_text)
    end

    it 'tells GRUB, and makes its menu where that has it not' do
      [nil, 'linux /vmlinuz ro'].each do |text|
        boot_loader(true, text)
        run = converged(**set)
        expect(run).to create_file(cfg).with(content: /audit=1 audit_backlog_limit=8192/)
        expect(run).to run_execute('update-grub')
      end
      boot_loader(true, 'linux /vmlinuz ro audit=1 audit_backlog_limit=8192')
      expect(converged(**set)).not_to run_execute('update-grub')
    end

    it 'tells grubby, once' do
      boot_loader(false, nil)
      allow(File).to receive(:exist?).with('/usr/sbin/grubby').and_return(true)
      asks = "/usr/sbin/grubby --info=DEFAULT | grep -qF 'audit=1 audit_backlog_limit=8192'"
      stub_command(asks).and_return(false)
      expect(converged(**set)).to run_execute('grubby')
      stub_command(asks).and_return(true)
      expect(converged(**set)).not_to run_execute('grubby')
    end

    it 'refuses a host whose boot loader it does not know' do
      boot_loader(false, nil)
      allow(File).to receive(:exist?).with('/usr/sbin/grubby').and_return(false)
      expect { converged(**set) }.to raise_error(/neither .* nor grubby\. .*Nothing was changed/)
    end

    it 'touches no boot loader otherwise' do
      boot_loader(true, nil)
      expect(converged(audit_mode: 'auto')).not_to create_file(cfg)
    end
  end

  context 'where auditd runs' do
    let(:active) { ['auditd.service'] }

    it 'refuses with fail-if-auditd and unicast, before anything is changed' do
      %w(fail-if-auditd unicast).each do |mode|
        expect { converged(audit_mode: mode) }.to raise_error(/auditd runs here .* Nothing was changed/)
      end
    end

    it 'goes on with auto' do
      expect { converged(audit_mode: 'auto') }.not_to raise_error
    end
  end

  context 'in a container' do
    let(:container) { 'docker' }

    it 'refuses, but for audit_mode none' do
      expect { converged(audit_mode: 'auto') }.to raise_error(/this is a container \(docker\).* Nothing was changed/)
      expect { converged(audit_mode: 'none') }.not_to raise_error
    end
  end

  context 'with a package that is not the one of the spec' do
    let(:content) { 'another package' }

    it 'refuses it and names both sums' do
      expect { converged }.to raise_error(/has sha256 [0-9a-f]{64}; the fleet spec wants sha256 #{sum}. Nothing was changed/)
    end
  end

  context 'without room' do
    let(:free_mib) { 10 }

    it 'refuses' do
      expect { converged }.to raise_error(/has 10 MiB left; installing the agent takes 300 MiB. Nothing was changed/)
    end
  end

  it 'refuses a host that reaches no collector' do
    reached(false)
    expect { converged }.to raise_error(/no collector can be reached from this host \(collector.*Connection refused.* Nothing was changed/)
  end

  it 'refuses a URL with a secret in it, and does not show it' do
    %i(artifact_url proxy).each do |name|
      %w(http://user:secret@host:1 http://host:1?token=secret).each do |url|
        expect { converged(name => url) }.to raise_error(/hosttrail_agent: #{name} has a user, a password[^@]*Nothing was changed\.\z/)
      end
    end
  end

  it 'refuses values that are not allowed' do
    expect { converged(audit_mode: 'sometimes') }.to raise_error(Chef::Exceptions::ValidationFailed, /audit_mode/)
    expect { converged(rules_manage: 'maybe') }.to raise_error(Chef::Exceptions::ValidationFailed, /rules_manage/)
  end

  context 'where events do not arrive' do
    let(:proof) { double(error?: true, stdout: '', stderr: "problem  no collector is connected\nhosttrail-agent: no event was proved\n") }

    it 'fails with the reason' do
      expect { converged }.to raise_error(/no event was proved/)
    end
  end
end
