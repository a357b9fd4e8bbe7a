require 'spec_helper'
require_relative '../../libraries/helpers'

describe Hosttrail::Helpers do
  subject(:helpers) { Class.new { include Hosttrail::Helpers }.new }

  it 'writes JSON without spaces, keys in order at every depth, and leaves characters as they are' do
    expect(helpers.json('b' => [{ 'z' => 1, 'a' => '<&>ü' }], 'a' => nil)).to eq('{"a":null,"b":[{"a":"<&>ü","z":1}]}')
  end

  it 'names versions as dpkg and rpm order them' do
    expect(helpers.package_version('1.0.0-rc.1')).to eq('1.0.0~rc.1')
  end
end
