using System.Text;
using Mcp.Agent.Ownership;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Agent.Deploying;

/// <summary>
/// Reads <c>env_files</c>: secrets that lie on the node, in the service's directory, mode 0600, and never travel. Lines are KEY=value; empty
/// lines and those that begin with # are left out; nothing is unquoted or expanded. Opened without following any link, since a container of
/// the service may write there.
/// </summary>
internal static class EnvFiles
{
    private const int MaxBytes = 256 * 1024;

    /// <summary>All variables of a component's files, in order; a later one wins.</summary>
    /// <exception cref="McpException">A file is missing, too wide, a link, or not in the form.</exception>
    public static IReadOnlyList<KeyValuePair<string, string>> Read(string dataRoot, ServiceSpec service, ComponentSpec component)
    {
        var variables = new List<KeyValuePair<string, string>>();
        foreach (var path in component.EnvFiles)
        {
            if (!path.StartsWith($"/srv/{service.Name}/", StringComparison.Ordinal))
                throw Refuse(path, "it does not lie in the service's directory", $"put it under /srv/{service.Name}/");
            Parse(path, ReadBytes(dataRoot, path), variables);
        }
        return variables;
    }

    private static byte[] ReadBytes(string dataRoot, string path)
    {
        var real = Definitions.LogicalPath.OnNode(path, dataRoot);
        var parts = path["/srv/".Length..].Split('/');
        try
        {
            var folder = FolderHandle.Open(dataRoot);
            try
            {
                foreach (var part in parts[..^1])
                {
                    var next = folder.TryOpenFolder(part);
                    folder.Dispose();
                    folder = next ?? throw Refuse(path, "it does not exist", Push(path));
                }
                return folder.TryReadFile(parts[^1], MaxBytes, handle =>
                {
                    if ((File.GetUnixFileMode(handle) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)) != 0)
                        throw Refuse(path, "others may read it", $"chmod 0600 {real}");
                }) ?? throw Refuse(path, "it does not exist", Push(path));
            }
            finally
            {
                folder.Dispose();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refuse(path, e.Message, $"it must be a plain file, reached without links: ls -l {real}");
        }
    }

    private static void Parse(string path, byte[] content, List<KeyValuePair<string, string>> variables)
    {
        var number = 0;
        foreach (var line in Encoding.UTF8.GetString(content).Split('\n'))
        {
            number++;
            var text = line.TrimEnd('\r');
            if (text.Length == 0 || text[0] == '#')
                continue;
            var equals = text.IndexOf('=');
            // The line itself may be a secret: only its number is told.
            if (equals <= 0 || !text[..equals].All(c => char.IsAsciiLetterOrDigit(c) || c == '_') || text.Contains('\0'))
                throw Refuse(path, $"line {number} is not KEY=value", "keys hold letters, digits and _; one variable a line");
            variables.Add(new(text[..equals], text[(equals + 1)..]));
        }
    }

    private static string Push(string path)
    {
        var parts = path.Split('/', 4);
        return $"mcp push --secret {parts[2]} <file> {parts[3]}   (before the first deploy: with --new-service -n <node>)";
    }

    private static McpException Refuse(string path, string cause, string hint) =>
        new(FaultCode.FailedPrecondition, $"the env file {path} cannot be used") { Cause = cause, Hint = hint };
}
