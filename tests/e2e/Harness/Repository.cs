namespace Mcp.EndToEnd.Harness;

/// <summary>Where the source tree is that these tests were built from.</summary>
internal static class Repository
{
    /// <summary>The folder that holds mcp.slnx, found upwards from the test program.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A path inside the tree.</summary>
    public static string PathOf(string relative) => Path.Combine(Root, relative);

    private static string FindRoot()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "mcp.slnx")))
                return folder;
        }
        throw new InvalidOperationException($"no mcp.slnx above {AppContext.BaseDirectory}: run the tests from the source tree");
    }
}
