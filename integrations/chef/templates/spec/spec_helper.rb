require 'chefspec'

# The cookbook lies in a folder of its own name.
RSpec.configure do |config|
  config.color = true
  config.formatter = :documentation
  config.cookbook_path = File.expand_path('../..', __dir__)
  config.log_level = :error
end
