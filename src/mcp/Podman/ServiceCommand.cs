using Mcp.Errors;
using Mcp.Processes;
using Mcp.Text;

namespace Mcp.Podman;

/// <summary>What <c>podman system service</c> is started with, and what it said.</summary>
internal static class ServiceCommand
{
    /// <summary>The full path of a program named by path or looked up in PATH.</summary>
    /// <exception cref="McpException">There is none.</exception>
    public static string FindProgram(string program) => ProgramPath.Find(program)
        ?? throw new McpException(FaultCode.FailedPrecondition, $"{program} is not installed on this host") { Hint = "apt-get install podman (or dnf install podman); podman 4.0 or later" };

    /// <summary>Our environment without what is ours alone and without what would make podman talk to another podman instead of being one.</summary>
    /// <param name="added">Variables on top.</param>
    public static IEnumerable<KeyValuePair<string, string>> Environment(IReadOnlyDictionary<string, string> added)
    {
        var environment = ChildEnvironment.Inherited();
        foreach (var name in (string[])["CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINER_SSHKEY"])
            environment.Remove(name);
        foreach (var (name, value) in added)
            environment[name] = value;
        return environment;
    }

    /// <summary>The end of what it printed, printable; null when there is nothing.</summary>
    public static string? LastWords(string outputFile)
    {
        try
        {
            using var file = new FileStream(outputFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            file.Seek(-Math.Min(file.Length, 1000), SeekOrigin.End);
            using var reader = new StreamReader(file);
            var words = Printable.Line(reader.ReadToEnd().Trim().Replace('\n', ' '));
            return words.Length > 0 ? words : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Empties the file of its output once it is larger than a megabyte.</summary>
    public static void Bound(string outputFile, int limit = 1024 * 1024)
    {
        try
        {
            using var file = new FileStream(outputFile, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            if (file.Length > limit)
                file.SetLength(0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Removed or not ours: nothing that grows, or nothing to be done about it.
        }
    }
}
