namespace Mcp.EndToEnd.Harness;

/// <summary>The promises of the one file that hold before it does anything. The build checks the same; this also holds for MCP_BINARY.</summary>
internal sealed class PublishedBinaryTests
{
    /// <summary>The file travels over slow links to every node.</summary>
    private const long MaximumBytes = 30_000_000;

    [Test]
    public async Task It_is_one_static_file_of_at_most_thirty_megabytes()
    {
        await Assert.That(new FileInfo(PublishedBinary.Path).Length).IsLessThanOrEqualTo(MaximumBytes);
        var header = (await Shell.RunAsync("readelf", ["--wide", "--program-headers", "--dynamic", PublishedBinary.Path])).OrThrow().Output;
        await Assert.That(header).DoesNotContain("INTERP");
        await Assert.That(header).DoesNotContain("(NEEDED)");
        await Assert.That(header).Contains("Position-Independent");
    }

    [Test]
    public async Task It_runs_where_there_is_no_other_file() =>
        (await Shell.RunAsync(Repository.PathOf("packaging/empty-root-check.sh"), [PublishedBinary.Path])).OrThrow();

    [Test]
    public async Task Its_database_is_new_enough_to_be_trusted_with_hostile_files()
    {
        var lines = (await PublishedBinary.RunAsync(["self-check"])).OrThrow().Output.Split('\n');
        var version = Version.Parse(lines.Single(line => line.StartsWith("sqlite ", StringComparison.Ordinal))["sqlite ".Length..]);
        await Assert.That(version).IsGreaterThanOrEqualTo(new Version(3, 53, 3));
        // This machine has a store of public roots; reading it would be most of the work of a short command.
        await Assert.That(lines).Contains("public roots none");
    }
}
