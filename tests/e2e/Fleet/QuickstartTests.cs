using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Fleet;

/// <summary>What a newcomer types first.</summary>
internal sealed class QuickstartTests
{
    [Test]
    public async Task The_quickstart_ends_with_an_answer_from_a_deployed_container()
    {
        using var folder = new TemporaryFolder();
        var service = $"hello-{Guid.NewGuid().ToString("N")[..6]}";
        var environment = new Dictionary<string, string?>(await TestPodman.EnvironmentAsync()) { ["MCP_BINARY"] = PublishedBinary.Path, ["NO_COLOR"] = "1" };
        var result = (await Shell.RunAsync(
            Repository.PathOf("packaging/quickstart.sh"), ["--dir", folder.Path, "--as", service, "--stop"], environment, limit: TimeSpan.FromMinutes(5))).OrThrow();
        await Assert.That(result.Output).Contains("hello from a container that mcp deployed, visit 1");
        // mcp ps and mcp status, after the answer, both show it.
        var after = result.Output[result.Output.IndexOf("== what runs", StringComparison.Ordinal)..];
        await Assert.That(after.Split('\n').Count(line => line.Contains(service, StringComparison.Ordinal) && line.Contains("running", StringComparison.Ordinal)))
            .IsGreaterThanOrEqualTo(2);
    }
}
