using System.Text.Json;

namespace Mcp.Tests.Cli.Doctor;

/// <summary>The command on machines that have little or nothing.</summary>
[NotInParallel("command line")] // the framework writes help through a static, which every run of a command line borrows
internal sealed class DoctorCommandTests
{
    [Test]
    public async Task Without_any_configuration_it_says_what_a_machine_can_become()
    {
        using var bench = new CliBench();
        await Assert.That(await RunAsync(bench)).IsEqualTo(0);
        await Assert.That(bench.Out).Contains("warning  files         this machine belongs to no fleet");
        await Assert.That(bench.Out).Contains("next: mcp login MASTER-ADDRESS");
        await Assert.That(bench.Out).EndsWith("0 ok, 1 warning, 0 errors\n");
        await Assert.That(bench.Error).IsEmpty();
    }

    [Test]
    public async Task A_broken_file_a_wide_folder_and_a_missing_key_are_errors_with_their_remedies()
    {
        using var bench = new CliBench();
        var folder = Path.Combine(bench.Folder, ".config/mcp/default");
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        await File.WriteAllTextAsync(Path.Combine(folder, "mcp.toml"), "[master]\naddress = \"127.0.0.1:9555\"\n");
        var agent = Path.Combine(bench.Folder, "mcp-agent.toml");
        await File.WriteAllTextAsync(agent, "[node]\nname = \"orion\"\ncolour = \"red\"\n");

        await Assert.That(await RunAsync(bench, "--agent-config", agent)).IsEqualTo(1);
        await Assert.That(bench.Out).Contains("mcp-agent.toml:3:");
        await Assert.That(bench.Out).Contains($"next: chmod 0700 {folder}");
        await Assert.That(bench.Out).Contains("error    certificates");
        await Assert.That(bench.Out).Contains("mcp login 127.0.0.1:9555");
    }

    [Test]
    public async Task Json_has_the_same_lines()
    {
        using var bench = new CliBench();
        await Assert.That(await RunAsync(bench, "--json")).IsEqualTo(0);
        using var document = JsonDocument.Parse(bench.Out);
        var line = document.RootElement.GetProperty("lines")[0];
        await Assert.That(line.GetProperty("check").GetString()).IsEqualTo("files");
        await Assert.That(line.GetProperty("verdict").GetString()).IsEqualTo("warning");
        await Assert.That(line.GetProperty("remedy").GetString()).Contains("mcp agent join");
        await Assert.That(document.RootElement.GetProperty("warnings").GetInt32()).IsEqualTo(1);
        await Assert.That(document.RootElement.GetProperty("errors").GetInt32()).IsEqualTo(0);
    }

    // The test machine may be a node itself: nothing of it is looked at.
    private static Task<int> RunAsync(CliBench bench, params string[] more) => bench.RunAsync(
        ["doctor", .. more.Contains("--agent-config") ? (string[])[] : ["--agent-config", Path.Combine(bench.Folder, "none")], "--master-config", Path.Combine(bench.Folder, "none"), .. more]);
}
