using Mcp.Cli.Configuration;
using Mcp.Errors;

namespace Mcp.Tests.Cli;

public class ConfigurationTests
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    [Test]
    public async Task The_folder_is_chosen_by_option_then_outright_then_by_variable_then_default()
    {
        using var plain = new CliBench();
        await Assert.That(ConfigurationFolder.Find(plain.Context).Path).IsEqualTo(Path.Combine(plain.Folder, ".config/mcp/default"));

        using var named = new CliBench(variables: new Dictionary<string, string> { ["MCP_FLEET"] = "home" });
        await Assert.That(ConfigurationFolder.Find(named.Context).Path).IsEqualTo(Path.Combine(named.Folder, ".config/mcp/home"));

        using var outright = new CliBench(variables: new Dictionary<string, string> { ["MCP_FLEET"] = "home", ["MCP_CONFIG_DIR"] = "/tmp/x/cli" });
        await Assert.That(ConfigurationFolder.Find(outright.Context).Path).IsEqualTo("/tmp/x/cli");

        outright.Context.Fleet = "work";
        await Assert.That(ConfigurationFolder.Find(outright.Context).Path).IsEqualTo(Path.Combine(outright.Folder, ".config/mcp/work"));
    }

    [Test]
    [Arguments("../evil")]
    [Arguments("a/b")]
    [Arguments("A")]
    public async Task A_fleet_name_that_is_a_path_is_refused(string fleet)
    {
        using var bench = new CliBench();
        bench.Context.Fleet = fleet;
        await Assert.That(() => ConfigurationFolder.Find(bench.Context)).Throws<McpException>();
    }

    [Test]
    public async Task Every_key_is_read_and_paths_are_relative_to_the_folder()
    {
        using var bench = new CliBench();
        var configuration = Read(bench.Folder, """
            [master]
            address = "192.0.2.1:9555"
            [[nodes]]
            name = "orion"
            address = "192.0.2.7:9444"
            fallbacks = ["198.51.100.7:9444"]
            [tls]
            ca_cert = "roots.pem"
            [auth]
            cert = "me.pem"
            key = "me.pem"
            [services]
            dir = "/etc/services"
            """);
        await Assert.That(configuration.MasterAddress).IsEqualTo("192.0.2.1:9555");
        await Assert.That(string.Join(' ', configuration.Nodes[0].Addresses)).IsEqualTo("192.0.2.7:9444 198.51.100.7:9444");
        await Assert.That(configuration.TrustFile).IsEqualTo(Path.Combine(bench.Folder, "roots.pem"));
        await Assert.That(configuration.CredentialFile).IsEqualTo(Path.Combine(bench.Folder, "me.pem"));
        await Assert.That(configuration.ServicesFolder).IsEqualTo("/etc/services");
    }

    [Test]
    public async Task All_mistakes_are_told_at_once_with_file_and_line()
    {
        using var bench = new CliBench();
        var e = Assert.Throws<McpException>(() => Read(bench.Folder, "[master]\nadress = \"x\"\n[auth]\ncert = \"a.pem\"\nkey = \"b.pem\"\n"));
        await Assert.That(e.Problems.Count).IsGreaterThanOrEqualTo(3);
        await Assert.That(e.Describe()).Contains("mcp.toml:2:");
        await Assert.That(e.Describe()).Contains("adress");
        await Assert.That(e.Describe()).Contains("auth.key");
    }

    [Test]
    public async Task A_folder_that_others_may_write_is_refused_with_the_chmod()
    {
        using var bench = new CliBench();
        File.SetUnixFileMode(bench.Folder, Private | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute);
        var e = Assert.Throws<McpException>(() => Read(bench.Folder, "[master]\naddress = \"192.0.2.1:9555\"\n"));
        await Assert.That(e.Hint).IsEqualTo($"chmod 0700 {bench.Folder}");
        File.SetUnixFileMode(bench.Folder, Private);
    }

    [Test]
    public async Task A_configuration_file_that_others_may_write_is_refused_with_the_chmod()
    {
        using var bench = new CliBench();
        var file = Path.Combine(bench.Folder, "mcp.toml");
        await File.WriteAllTextAsync(file, "");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupWrite);
        var e = Assert.Throws<McpException>(() => CliConfigurationReader.Read(new ConfigurationFolder(bench.Folder, "x")));
        await Assert.That(e.Hint).IsEqualTo($"chmod 0600 {file}");
    }

    [Test]
    public async Task Seen_generations_are_remembered_and_forgotten_and_a_damaged_memory_is_no_error()
    {
        using var bench = new CliBench();
        var path = Path.Combine(bench.Folder, "seen.json");
        new SeenGenerations(path).Remember([KeyValuePair.Create("notes", 3UL), KeyValuePair.Create("memos", 1UL)]);
        new SeenGenerations(path).Remember([KeyValuePair.Create("memos", 0UL)]);
        await Assert.That(new SeenGenerations(path).Of("notes")).IsEqualTo(3UL);
        await Assert.That(new SeenGenerations(path).Of("memos")).IsEqualTo(0UL);
        await File.WriteAllTextAsync(path, "{ not json");
        await Assert.That(new SeenGenerations(path).Of("notes")).IsEqualTo(0UL);
    }

    private static CliConfiguration Read(string folder, string text)
    {
        File.WriteAllText(Path.Combine(folder, "mcp.toml"), text);
        return CliConfigurationReader.Read(new ConfigurationFolder(folder, "x"));
    }
}
