using System.Text;
using System.Text.Json;
using Mcp.Errors;
using Mcp.Files;

namespace Mcp.Podman;

/// <summary>
/// Registry logins in the form of docker's <c>config.json</c> and podman's <c>auth.json</c>:
/// <c>{"auths": {"registry.example.net": {"auth": base64("user:password")}}}</c>. Read at every pull, so a new login needs no restart.
/// </summary>
internal static class RegistryAuthFile
{
    /// <summary>
    /// The login for an image: the most specific key among <c>registry/path/name</c>, <c>registry/path</c>, …, <c>registry</c>. Null when there is
    /// none, or no such file.
    /// </summary>
    /// <exception cref="McpException">Others can read the file, or it is no such file.</exception>
    public static RegistryLogin? Find(string path, string reference)
    {
        if (!File.Exists(path))
            return null;
        var bytes = SecretFile.Read(path);
        try
        {
            using var document = JsonDocument.Parse(bytes);
            var logins = document.RootElement.EntriesAt("auths").GroupBy(entry => Key(entry.Name)).ToDictionary(group => group.Key, group => group.Last().Value);
            foreach (var key in Keys(reference))
            {
                if (logins.TryGetValue(key, out var entry))
                    return Login(path, key, entry);
            }
            if (document.RootElement.At("credHelpers").At(Registry(reference)).ValueKind == JsonValueKind.String)
                throw Broken(path, "credential helpers are not run; log in with podman login --authfile");
            return null;
        }
        catch (JsonException)
        {
            // The parser's own words could quote the file.
            throw Broken(path, "it is not JSON");
        }
        finally
        {
            Array.Clear(bytes);
        }
    }

    private static RegistryLogin Login(string path, string key, JsonElement entry)
    {
        var text = entry.TextAt("auth");
        if (text.Length == 0)
            return new RegistryLogin(entry.TextAt("username"), entry.TextAt("password"));
        var buffer = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, buffer, out var length))
            throw Broken(path, $"the login of {key} is not base64");
        var pair = Encoding.UTF8.GetString(buffer, 0, length).TrimEnd('\0').Split(':', 2);
        return pair.Length == 2 ? new RegistryLogin(pair[0], pair[1]) : throw Broken(path, $"the login of {key} has no password");
    }

    /// <summary><c>registry/a/b</c> → itself, <c>registry/a</c>, <c>registry</c>; tag and digest do not count.</summary>
    private static IEnumerable<string> Keys(string reference)
    {
        var name = reference.Split('@', 2)[0];
        var slash = name.LastIndexOf('/');
        var colon = name.LastIndexOf(':');
        if (colon > slash && slash >= 0)
            name = name[..colon];
        while (true)
        {
            yield return name;
            slash = name.LastIndexOf('/');
            if (slash < 0)
                yield break;
            name = name[..slash];
        }
    }

    private static string Registry(string reference) => reference.Split('/', 2)[0];

    /// <summary>Old files have addresses: <c>https://registry.example.net/v1/</c>. docker.io's is index.docker.io.</summary>
    private static string Key(string key)
    {
        var scheme = key.IndexOf("://", StringComparison.Ordinal);
        if (scheme >= 0)
            key = key[(scheme + 3)..].Split('/', 2)[0];
        return key == "index.docker.io" ? "docker.io" : key;
    }

    private static McpException Broken(string path, string why) =>
        new(FaultCode.FailedPrecondition, $"the registry logins in {path} cannot be used: {why}") { Hint = $"podman login --authfile {path} REGISTRY" };
}
