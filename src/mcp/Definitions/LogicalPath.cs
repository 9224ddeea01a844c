namespace Mcp.Definitions;

/// <summary>Paths of definitions on a node: <c>/srv</c> there is logical and stands for the node's data root.</summary>
internal static class LogicalPath
{
    /// <summary>The real path of a path in a definition: what lies under <c>/srv</c> moves to <paramref name="dataRoot"/>, others stay.</summary>
    public static string OnNode(string path, string dataRoot) =>
        path == "/srv" ? dataRoot
        : path.StartsWith("/srv/", StringComparison.Ordinal) ? Path.Combine(dataRoot, path["/srv/".Length..])
        : path;
}
