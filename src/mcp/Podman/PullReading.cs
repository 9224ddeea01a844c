namespace Mcp.Podman;

/// <summary>
/// The answer of <c>images/pull</c>: lines <c>{"stream": …}</c> while it goes on, then <c>{"images": […], "id": …}</c>, or <c>{"error": …}</c>. Neither
/// at the end means that podman died in the middle.
/// </summary>
internal static class PullReading
{
    /// <summary>Reads to the end and returns the image's id.</summary>
    /// <exception cref="PodmanException">The pull failed, or the stream ended before its outcome.</exception>
    public static async Task<string> ReadAsync(PodmanClient podman, PodmanStream stream, string reference, Action<string>? progress, CancellationToken ct)
    {
        var lines = new JsonLines(stream, podman);
        var id = "";
        while (await lines.NextAsync(ct) is { } line)
        {
            using (line)
            {
                var answer = line.RootElement;
                if (answer.TextAt("error") is { Length: > 0 } error)
                {
                    throw new PodmanException(PodmanFailure.Refused, $"pull of {PodmanException.Words(reference)}", PodmanException.Words(error), 200)
                    {
                        Hint = Hint(error),
                    };
                }
                if (answer.TextAt("stream") is { Length: > 0 } text)
                    progress?.Invoke(PodmanException.Words(text));
                if (answer.TextAt("id") is { Length: > 0 } last)
                    id = last;
            }
        }
        return id.Length > 0
            ? id
            : throw new PodmanException(PodmanFailure.Unreachable, $"pull of {PodmanException.Words(reference)}", "the answer ended before the outcome");
    }

    private static string? Hint(string error) => error switch
    {
        _ when error.Contains("unauthorized", StringComparison.OrdinalIgnoreCase) || error.Contains("authentication required", StringComparison.OrdinalIgnoreCase) =>
            "put the registry's login into the agent's auth_file (podman login --authfile FILE REGISTRY)",
        _ when error.Contains("manifest unknown", StringComparison.OrdinalIgnoreCase) => "check the image's name and tag",
        _ when error.Contains("no such host", StringComparison.OrdinalIgnoreCase) => "check the registry's name, and DNS on the node",
        _ => null,
    };
}
