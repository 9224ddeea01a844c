using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Cli;

/// <summary>What scripts rely on, without any fleet: exit codes, and which stream carries what.</summary>
internal sealed class CommandLineTests
{
    [Test]
    [Arguments("--version")]
    [Arguments("version")]
    [Arguments("help")]
    [Arguments("help deploy")]
    [Arguments("deploy --help")]
    [Arguments("completion bash")]
    public async Task An_answer_goes_to_standard_output(string line)
    {
        var result = await RunAsync(line);
        await Assert.That(result.ExitCode).IsEqualTo(0).Because(result.ToString());
        await Assert.That(result.Output).IsNotEmpty();
        await Assert.That(result.Errors).IsEmpty();
    }

    [Test]
    [Arguments("dpeloy notes")]
    [Arguments("deploy")]
    [Arguments("node")]
    [Arguments("ps --jsno")]
    [Arguments("ca show extra")]
    [Arguments("ps")]
    [Arguments("deploy notes --direct")]
    [Arguments("login 127.0.0.1:1")]
    [Arguments("master run --config /nowhere/mcp-master.toml")]
    [Arguments("agent run --config /nowhere/mcp-agent.toml")]
    public async Task A_refusal_goes_to_standard_error_and_names_the_next_command(string line)
    {
        var result = await RunAsync(line);
        await Assert.That(result.ExitCode).IsEqualTo(1).Because(result.ToString());
        await Assert.That(result.Output).IsEmpty();
        await Assert.That(result.Errors).StartsWith("error: ");
        await Assert.That(result.Errors.Contains('\e')).IsFalse();
        await Assert.That(result.Errors.Contains("   at Mcp.", StringComparison.Ordinal)).IsFalse();
    }

    [Test]
    public async Task The_completion_for_bash_completes()
    {
        const string script = "source <(\"$0\" completion bash); COMP_WORDS=(mcp node co); COMP_CWORD=2; _mcp; echo ${COMPREPLY[*]}; COMP_WORDS=(mcp deploy notes --pu); COMP_CWORD=3; _mcp; echo ${COMPREPLY[*]}";
        var result = (await Shell.RunAsync("bash", ["-c", script, PublishedBinary.Path])).OrThrow();
        await Assert.That(result.Output).IsEqualTo("cordon\n--pull\n");
    }

    [Test]
    public async Task A_definition_with_mistakes_is_refused_whole_before_anybody_is_called()
    {
        using var folder = new TemporaryFolder();
        var file = folder.PathOf("notes.toml");
        await File.WriteAllTextAsync(file, "name = \"notes\"\ntier = \"cloud\"\n[[components]]\nname = \"notes\"\nimage = \"registry.example.net/notes\"\nvolumes = [\"/:/host\"]\ncolour = 3\n");
        var result = await RunAsync($"deploy notes -f {file}");
        await Assert.That(result.ExitCode).IsEqualTo(1);
        foreach (var place in new[] { ":2:", ":5:", ":6:", ":7:" })
            await Assert.That(result.Errors).Contains(file + place);
    }

    private static async Task<CommandResult> RunAsync(string line)
    {
        using var home = new TemporaryFolder();
        return await PublishedBinary.RunAsync(line.Split(' '), new Dictionary<string, string?>
        {
            ["HOME"] = home.Path,
            ["MCP_CONFIG_DIR"] = null,
            ["MCP_FLEET"] = null,
            ["MCP_SOCKET"] = null,
            ["NO_COLOR"] = null,
        });
    }
}
